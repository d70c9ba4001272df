#include "coordinator/report/machine_number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace autonorm::report {
namespace {

constexpr int kDigits = 15;

// digits[0].digits[1]… · 10^power
class Decimal {
 public:
  // The shortest one that reads back as `size`, or one of `precision` digits behind the point.
  template <class... Precision>
  explicit Decimal(double size, Precision... precision) {
    const char* const end =
        std::to_chars(text_, text_ + sizeof text_, size, std::chars_format::scientific, precision...).ptr;
    const std::string_view text(text_, static_cast<size_t>(end - text_));
    const size_t e = text.find('e');
    std::from_chars(text_ + e + (text[e + 1] == '+' ? 2 : 1), end, power_);
    text_[1] = text_[0];  // in the place of the point: now all digits stand side by side
    count_ = e == 1 ? 1 : static_cast<int>(e) - 1;
    drop('0');
  }

  std::string_view digits() const { return {text_ + 1, static_cast<size_t>(count_)}; }
  int power() const { return power_; }

  // Leaves `kept` digits, the last one counted up or not.
  void cut(int kept, bool up) {
    count_ = kept;
    drop(up ? '9' : '0');
    if (!up) return;
    if (digits() == "9") {
      text_[1] = '1';
      ++power_;
    } else {
      ++text_[count_];
    }
  }

 private:
  void drop(char last) {
    while (count_ > 1 && text_[count_] == last) --count_;
  }

  char text_[32];
  int count_ = 0, power_ = 0;
};

// Rounding the shortest digits costs a quarter of asking for kDigits. It is the same: of all decimals of their length
// that read back so they are the nearest, so no half of a last digit lies between them and the exact value; only on
// them.
Decimal rounded(double size) {
  Decimal shortest(size);
  const std::string_view digits = shortest.digits();
  if (digits.size() <= kDigits) return shortest;
  if (digits.substr(kDigits) == "5") return Decimal(size, kDigits - 1);
  shortest.cut(kDigits, digits[kDigits] >= '5');
  return shortest;
}

void append_scientific(std::string& text, std::string_view digits, int power) {
  text += digits[0];
  if (digits.size() > 1) text.append(1, '.').append(digits.substr(1));
  text += power < 0 ? "e-" : "e+";
  if (std::abs(power) < 10) text += '0';
  text += std::to_string(std::abs(power));
}

}  // namespace

void append_machine_number(std::string& text, double value) {
  if (std::isnan(value)) return;
  if (std::signbit(value)) text += '-';
  if (std::isinf(value)) {
    text += "inf";
    return;
  }
  const Decimal decimal = rounded(std::abs(value));
  const std::string_view digits = decimal.digits();
  const int power = decimal.power();
  if (power < -4 || power >= 16) return append_scientific(text, digits, power);
  if (power < 0) {
    text.append("0.").append(static_cast<size_t>(-power - 1), '0').append(digits);
    return;
  }
  const auto whole = static_cast<size_t>(power) + 1;
  text.append(digits.substr(0, whole));
  if (digits.size() < whole) text.append(whole - digits.size(), '0');
  text += '.';
  text.append(digits.size() > whole ? digits.substr(whole) : "0");
}

std::string machine_number(double value) {
  std::string text;
  append_machine_number(text, value);
  return text;
}

}  // namespace autonorm::report
