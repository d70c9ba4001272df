"""Reads a report's CSV with Python's csv module, strictly, and compares every field with the report's JSON.

Usage: check_csv.py FILE.csv FILE.json KEY [pandas]; KEY is the JSON array's name. With `pandas` the file also goes through
pandas.read_csv and to_csv, which must give the same bytes. Exit status 77: pandas is not installed.
"""
import csv
import io
import json
import sys


def same(field, value):
    if value is None:
        return field == ""
    if isinstance(value, bool):
        return field == str(value)
    if isinstance(value, float):
        return abs(float(field) - value) <= 1e-14 * abs(value)  # the CSV has 15 digits
    return field == str(value)


def check_fields(text, rows):
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    header, lines = read[0], read[1:]
    assert len(header) == len(set(header)), "two columns of one name"
    assert len(lines) == len(rows), (len(lines), len(rows))
    for line, row in zip(lines, rows):
        assert header == list(row), (header, list(row))
        for field, (column, value) in zip(line, row.items()):
            assert same(field, value), (column, field, value)


def check_pandas(path, data):
    try:
        import pandas
    except ImportError as error:
        print(f"no pandas: {error}", file=sys.stderr)
        sys.exit(77)
    again = pandas.read_csv(path).to_csv(index=False, lineterminator="\r\n")
    assert again.encode() == data, "pandas changed the file"


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    assert data.endswith(b"\r\n") and data.split(b"\n")[0].endswith(b"\r"), "lines must end in CRLF"
    with open(sys.argv[2], encoding="utf-8") as file:
        rows = json.load(file)[sys.argv[3]]
    check_fields(data.decode("utf-8"), rows)
    if len(sys.argv) > 4:
        check_pandas(sys.argv[1], data)


main()
