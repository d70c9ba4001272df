// Schema steps, copies before them, and SQLite's errors in words.
#include <gtest/gtest.h>

#include <array>

#include "coordinator/store/backup.h"
#include "coordinator/store/database.h"
#include "coordinator/store/migrations.h"
#include "coordinator/store/read_only.h"
#include "coordinator/store/store.h"
#include "core/base/sha256.h"
#include "tests/support/fault_disk.h"
#include "tests/support/system_clock.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::store {
namespace {

constexpr Migration kFirst{1, "CREATE TABLE a (x); INSERT INTO a VALUES (1);"};
constexpr Migration kSecond{2, "CREATE TABLE b (y); INSERT INTO b SELECT x + 1 FROM a;"};

struct Migrations : ::testing::Test {
  testing::TemporaryFolder folder;
  std::filesystem::path file = folder.path() / "autonorm.db";
};

TEST_F(Migrations, RunInOrderOnceEach) {
  Connection connection(file, Connection::Mode::kReadWrite);
  const std::array steps{kFirst, kSecond};
  ASSERT_TRUE(migrate(connection.database(), steps).ok());
  ASSERT_TRUE(migrate(connection.database(), steps).ok());
  EXPECT_EQ(connection.database().execAndGet("SELECT y FROM b").getInt(), 2);
  EXPECT_EQ(connection.database().execAndGet("PRAGMA user_version").getInt(), 2);
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".before-version-2")) << "an empty file needs no copy";
}

TEST_F(Migrations, ACopyIsKeptBeforeAStepOnExistingData) {
  const std::array old{kFirst};
  const std::array both{kFirst, kSecond};
  {
    Connection connection(file, Connection::Mode::kReadWrite);
    ASSERT_TRUE(migrate(connection.database(), old).ok());
  }
  Connection connection(file, Connection::Mode::kReadWrite);
  ASSERT_TRUE(migrate(connection.database(), both).ok());
  Connection copy(file.string() + ".before-version-2", Connection::Mode::kReadOnly);
  EXPECT_EQ(copy.database().execAndGet("PRAGMA user_version").getInt(), 1);
  EXPECT_EQ(copy.database().execAndGet("SELECT x FROM a").getInt(), 1);
}

TEST_F(Migrations, ANewerDatabaseAndAStrangersAreRefused) {
  {
    Connection connection(file, Connection::Mode::kReadWrite);
    const std::array both{kFirst, kSecond};
    ASSERT_TRUE(migrate(connection.database(), both).ok());
    const std::array old{kFirst};
    const Status status = migrate(connection.database(), old);
    EXPECT_EQ(status.code(), Code::kConflict);
    EXPECT_NE(status.message().find("has schema version 2, this release knows versions up to 1"), std::string::npos);
    connection.database().exec("PRAGMA application_id = 7");
    EXPECT_NE(migrate(connection.database(), both).message().find("another program"), std::string::npos);
  }
}

TEST_F(Migrations, TheReleasedStepsAreNumberedWithoutGaps) {
  for (size_t i = 0; i < migrations().size(); ++i) EXPECT_EQ(migrations()[i].version, static_cast<int>(i) + 1);
}

// What a release with schema 1 left behind.
TEST_F(Migrations, LogLinesOfTheJournalMoveIntoTheirTableAndTheOldDatabaseIsKept) {
  {
    Connection old(file, Connection::Mode::kReadWrite);
    ASSERT_TRUE(migrate(old.database(), migrations().first(1)).ok());
    old.database().exec(
        "INSERT INTO trial (id, hash, configuration, seed, ranks, device, priority, max_attempts, timeout_s, "
        "stall_timeout_s, state) VALUES (1, 'abc', 1, 0, 1, 'auto', 0, 3, 0, 600, 'running');"
        "INSERT INTO attempt (id, trial, number, token, tag, assigned_us) VALUES (7, 1, 2, 't', 0, 0);"
        "INSERT INTO event (time_us, kind, json) VALUES "
        R"((5, 'log', '{"trial":"abc","attempt":2,"rank":1,"level":"warning","text":"it''s late"}'), (6, 'other', '{}'))");
  }
  ASSERT_TRUE(Store::open(folder.path(), testing::kSystemClock).ok());
  Connection now(file, Connection::Mode::kReadOnly);
  EXPECT_EQ(
      now.database()
          .execAndGet("SELECT attempt || ' ' || rank || ' ' || time_us || ' ' || level || ' ' || text FROM log_line")
          .getString(),
      "7 1 5 warning it's late");
  EXPECT_EQ(now.database().execAndGet("SELECT group_concat(kind) FROM event").getString(), "other");
  Connection copy(file.string() + ".before-version-2", Connection::Mode::kReadOnly);
  EXPECT_EQ(copy.database().execAndGet("PRAGMA user_version").getInt(), 1);
  EXPECT_EQ(copy.database().execAndGet("SELECT count(*) FROM event").getInt(), 2);
  EXPECT_EQ(copy.database().execAndGet("PRAGMA integrity_check").getString(), "ok");
}

TEST_F(Migrations, TrialsKeepTheirRowsWhereTheirIndexGetsSmallerAndAreFoundThroughIt) {
  const std::string hash(64, 'a');
  {
    Connection old(file, Connection::Mode::kReadWrite);
    ASSERT_TRUE(migrate(old.database(), migrations().first(3)).ok());
    old.database().exec(cat("INSERT INTO configuration VALUES (4, '", hash, R"(', '{"model":{}}');)",
                            "INSERT INTO trial (id, hash, configuration, seed, ranks, device, priority, max_attempts, "
                            "timeout_s, stall_timeout_s, state, model) VALUES (1, '",
                            hash, "', 4, 7, 1, 'auto', 0, 3, 0, 600, 'succeeded', 'm')"));
  }
  {
    const auto store = Store::open(folder.path(), testing::kSystemClock);
    ASSERT_TRUE(store.ok()) << store.status().message();
    EXPECT_EQ((*store)->trial_config(TrialId(hash)).value(), R"({"inputs":{},"seed":7,"model":{}})");
  }
  Connection now(file, Connection::Mode::kReadWrite);
  EXPECT_EQ(now.database().execAndGet("SELECT id || state || model FROM trial").getString(), "1succeededm");
  for (const char* query :
       {"SELECT id FROM trial WHERE substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1",
        "SELECT id FROM trial WHERE substr(hash, 1, 20) BETWEEN substr(?1, 1, 20) AND "
        "substr(?2, 1, 20) AND hash >= ?1 AND hash < ?2 LIMIT 2",
        "SELECT id FROM configuration WHERE substr(hash, 1, 20) = substr(?1, 1, 20) AND +hash = ?1"}) {
    SQLite::Statement plan(now.database(), cat("EXPLAIN QUERY PLAN ", query));
    ASSERT_TRUE(plan.executeStep());
    EXPECT_NE(plan.getColumn(3).getString().find("_by_hash ("), std::string::npos) << plan.getColumn(3).getString();
  }
  EXPECT_EQ(find_trial(now, std::string(10, 'a')).value(), 1);
  EXPECT_EQ(find_trial(now, hash).value(), 1);
  EXPECT_FALSE(find_trial(now, hash.substr(0, 63) + "b").ok());
}

// What releases up to schema 7 kept for each trial is kept once; who asks by name still finds all of it.
TEST_F(Migrations, ListsThatTrialsShareAreKeptOnce) {
  constexpr const char* kFacts =
      "SELECT group_concat(line, ' ') FROM (SELECT trial || name || value AS line FROM fact ORDER BY 1)";
  constexpr const char* kInitial =
      "SELECT group_concat(line, ' ') FROM (SELECT trial || parameter || hash AS line FROM initial_hash ORDER BY 1)";
  std::string facts, initial;
  {
    Connection old(file, Connection::Mode::kReadWrite);
    SQLite::Database& database = old.database();
    ASSERT_TRUE(migrate(database, migrations().first(7)).ok());
    for (const int trial : {1, 2, 3, 4}) {
      database.exec(
          cat("INSERT INTO trial (id, hash, configuration, seed, ranks, device, priority, max_attempts, "
              "timeout_s, stall_timeout_s, state) VALUES (",
              trial, ", '", std::string(64, static_cast<char>('a' + trial)),
              "', 1, 0, 1, 'auto', 0, 3, 0, 600, 'succeeded')"));
      if (trial == 4) continue;  // has no result
      database.exec(cat("INSERT INTO fact VALUES (", trial, ", 'weights_sha256', 'w", trial, "'), (", trial,
                        ", 'note', 'it''s \"quoted\" \\'), (", trial, ", 'build', 'b')"));
      database.exec(cat("INSERT INTO initial_hash VALUES (", trial, ", 'head.weight [10, 64]', '",
                        trial == 3 ? "x" : "h", "'), (", trial, ", 'head.bias [10]', 'z')"));
    }
    facts = database.execAndGet(kFacts).getString(), initial = database.execAndGet(kInitial).getString();
  }
  ASSERT_TRUE(Store::open(folder.path(), testing::kSystemClock).ok());
  Connection now(file, Connection::Mode::kReadOnly);
  EXPECT_EQ(now.database().execAndGet(kFacts).getString(), facts);
  EXPECT_EQ(now.database().execAndGet(kInitial).getString(), initial);
  EXPECT_EQ(now.database().execAndGet("SELECT count(*) FROM text_list").getInt(), 3)
      << "facts, and two of initial values";
  EXPECT_EQ(now.database().execAndGet("SELECT count(*) FROM own_fact").getInt(), 3);
  EXPECT_EQ(
      now.database().execAndGet("SELECT initial IS NULL AND common_facts IS NULL FROM trial WHERE id = 4").getInt(), 1);
  EXPECT_EQ(
      now.database()
          .execAndGet("SELECT digest FROM text_list JOIN trial ON trial.common_facts = text_list.id WHERE trial.id = 1")
          .getString(),
      sha256(R"({"build":"b","note":"it's \"quoted\" \\"})").value())
      << "as the writer computes it, so that later results share the list";
}

// Values keep every bit, also those that 15 digits would not tell apart.
TEST_F(Migrations, ResultsOfATrialBecomeOneRow) {
  {
    Connection old(file, Connection::Mode::kReadWrite);
    SQLite::Database& database = old.database();
    ASSERT_TRUE(migrate(database, migrations().first(8)).ok());
    database.exec(
        "INSERT INTO result VALUES (1, 'test/accuracy', 0.1), (1, 'own \"score\"', 0.30000000000000004), "
        "(2, 'test/accuracy', NULL), (2, 'own \"score\"', 9e999), (3, 'test/accuracy', -9e999)");
  }
  ASSERT_TRUE(Store::open(folder.path(), testing::kSystemClock).ok());
  Connection now(file, Connection::Mode::kReadOnly);
  SQLite::Database& database = now.database();
  EXPECT_EQ(database.execAndGet("SELECT group_concat(numbers, ' ') FROM result_list").getString(),
            "[0.30000000000000004,0.1] [9e999,null] [-9e999]");
  EXPECT_EQ(database.execAndGet("SELECT count(DISTINCT metrics) FROM result_list").getInt(), 2);
  EXPECT_EQ(database
                .execAndGet("SELECT group_concat(line, ' ') FROM (SELECT trial || metric || ifnull(value, '?') AS line "
                            "FROM result ORDER BY trial, metric)")
                .getString(),
            "1own \"score\"0.3 1test/accuracy0.1 2own \"score\"Inf 2test/accuracy? 3test/accuracy-Inf");
  EXPECT_EQ(database.execAndGet("SELECT value FROM result WHERE trial = 1 AND metric LIKE 'own%'").getDouble(),
            0.30000000000000004);
  EXPECT_EQ(database.execAndGet("SELECT group_concat(DISTINCT typeof(value)) FROM result").getString(), "real,null");
}

TEST(DatabaseErrors, SayWhatIsNeededAndWhetherItCanPass) {
  EXPECT_EQ(database_error(SQLite::Exception("", 13), "/data/autonorm.db").message(),
            "database: disk full; free space on /data");
  EXPECT_EQ(database_error(SQLite::Exception("", 13), "/data/autonorm.db").code(), Code::kExhausted);
  EXPECT_EQ(database_error(SQLite::Exception("", 10 | (3 << 8)), "/data/autonorm.db").code(), Code::kUnavailable)
      << "extended I/O error";
  EXPECT_EQ(database_error(SQLite::Exception("", 5), "/data/autonorm.db").code(), Code::kUnavailable);
  EXPECT_EQ(database_error(SQLite::Exception("", 8), "/data/autonorm.db").code(), Code::kInvalid);
  EXPECT_EQ(database_error(SQLite::Exception("", 19), "/data/autonorm.db").code(), Code::kInternal);
}

// Nothing goes on by itself before the start: what is wrong, where, and what to do.
TEST(DatabaseErrors, AStartOnAFullDiskSaysWhatToDoAndSucceedsOnceThereIsSpace) {
  testing::FaultDisk disk;
  const testing::TemporaryFolder folder;
  const auto start_on = [&](testing::DiskFault fault) {
    disk.fail_from(1, fault);
    const auto store = Store::open(folder.path(), testing::kSystemClock);
    disk.heal();
    return store.ok() ? Status() : store.status();
  };
  const std::string where = std::filesystem::canonical(folder.path()).string();
  for (const char* moment : {"the first start", "a later start"}) {
    const Status full = start_on(testing::DiskFault::kFull);
    EXPECT_EQ(full.code(), Code::kExhausted) << moment;
    EXPECT_EQ(full.message(), cat("database: disk full; free space on ", where,
                                  ", then start again; or choose another folder with --state"))
        << moment;
    const Status broken = start_on(testing::DiskFault::kInputOutput);
    EXPECT_EQ(broken.code(), Code::kUnavailable) << moment;
    EXPECT_NE(broken.message().find(cat("I/O error in ", where)), std::string::npos) << broken.message();
    EXPECT_NE(broken.message().find("check the disk, then start again"), std::string::npos) << broken.message();
    EXPECT_TRUE(Store::open(folder.path(), testing::kSystemClock).ok()) << moment;
  }
}

TEST(DatabaseErrors, ADamagedDatabaseIsNamed) {
  testing::TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder.path() / "autonorm.db", std::string(8192, 'x')).ok());
  const auto store = Store::open(folder.path(), testing::kSystemClock);
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.status().message().find("autonorm.db is damaged"), std::string::npos) << store.status().message();
  EXPECT_NE(store.status().message().find("`coordinator backup`"), std::string::npos) << store.status().message();
  EXPECT_EQ(store.status().message().find("before-version"), std::string::npos) << "there is none";
  const auto copy = folder.path() / "autonorm.db.before-version-6";
  ASSERT_TRUE(write_file_durably(copy, "x").ok());
  const auto again = Store::open(folder.path(), testing::kSystemClock);
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.status().message().find(copy.string()), std::string::npos) << again.status().message();
}

TEST(DatabaseSettings, CommitsAreDurable) {
  testing::TemporaryFolder folder;
  Connection connection(folder.path() / "autonorm.db", Connection::Mode::kReadWrite);
  EXPECT_EQ(connection.database().execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_EQ(connection.database().execAndGet("PRAGMA synchronous").getInt(), 2) << "FULL";
  EXPECT_EQ(connection.database().execAndGet("PRAGMA journal_size_limit").getInt64(), kWalBytes);
}

// Commits of about a page each through a store; the size of the log beside the database.
struct WalSize : ::testing::Test {
  testing::TemporaryFolder folder;
  std::filesystem::path file = folder.path() / "autonorm.db";
  std::unique_ptr<Store> store = Store::open(folder.path(), testing::kSystemClock).value();

  void commit(int count) {
    const std::string text = "\"" + std::string(4000, 'x') + "\"";
    for (int i = 0; i < count; ++i) {
      const engine::Change change = engine::Journal{WallTime{}, "note", text};
      ASSERT_TRUE(store->commit(std::span(&change, 1)).ok());
    }
  }
  int64_t wal_bytes() const { return static_cast<int64_t>(std::filesystem::file_size(file.string() + "-wal")); }
};

TEST_F(WalSize, ManyCommitsDoNotMakeItGrow) {
  commit(1'500);
  const int64_t settled = wal_bytes();
  commit(3'000);
  EXPECT_LE(wal_bytes(), settled + (int64_t{1} << 20));
  EXPECT_LT(wal_bytes(), int64_t{16} << 20);
}

TEST_F(WalSize, AReaderMakesItGrowAndItIsCutBackOnceTheReaderHasLeft) {
  // A limit that a test reaches; the product's is larger.
  constexpr int64_t kSmall = int64_t{6} << 20;
  testing::TemporaryFolder other;
  Connection writer(other.path() / "x.db", Connection::Mode::kReadWrite);
  writer.database().exec(cat("PRAGMA journal_size_limit = ", kSmall));
  writer.database().exec("CREATE TABLE t (x)");
  const auto wal = [&] { return static_cast<int64_t>(std::filesystem::file_size(other.path() / "x.db-wal")); };
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) run(writer, "INSERT INTO t VALUES (?)", std::string(4000, 'x'));
  };
  {
    Connection reader(other.path() / "x.db", Connection::Mode::kReadOnly);
    SQLite::Transaction open_look(reader.database());
    EXPECT_EQ(reader.database().execAndGet("SELECT count(*) FROM t").getInt(), 0);
    write(2'500);
    EXPECT_GT(wal(), kSmall);
    EXPECT_EQ(reader.database().execAndGet("SELECT count(*) FROM t").getInt(), 0) << "its view does not move";
  }
  write(2);
  EXPECT_LE(wal(), kSmall);
  EXPECT_EQ(writer.database().execAndGet("SELECT count(*) FROM t").getInt(), 2'502);
}

struct Backups : WalSize {};

TEST_F(Backups, ACopyOfTheMomentIsMadeWhileTheWriterGoesOn) {
  commit(20);
  const auto bytes = back_up(file, folder.path() / "copy.db", "key");
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  EXPECT_EQ(*bytes, static_cast<int64_t>(std::filesystem::file_size(folder.path() / "copy.db")));
  commit(5);
  Connection copy(folder.path() / "copy.db", Connection::Mode::kReadOnly);
  EXPECT_EQ(copy.database().execAndGet("SELECT count(*) FROM event").getInt(), 20);
  EXPECT_EQ(copy.database().execAndGet("PRAGMA integrity_check").getString(), "ok");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "copy.db.partial"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "copy.db-wal"));
}

// The coordinator died after the first one was in its place, before it had removed the other name of the file.
TEST_F(Backups, RepeatedUnderItsKeyItIsTheFirstCopy) {
  commit(20);
  const auto target = folder.path() / "copy.db";
  const auto first = back_up(file, target, "key");
  ASSERT_TRUE(first.ok()) << first.status().message();
  std::filesystem::create_hard_link(target, target.string() + ".partial");
  commit(5);
  const auto again = back_up(file, target, "key");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(*again, *first);
  EXPECT_FALSE(std::filesystem::exists(target.string() + ".partial"));
  Connection copy(target, Connection::Mode::kReadOnly);
  EXPECT_EQ(copy.database().execAndGet("SELECT count(*) FROM event").getInt(), 20);
  // One who goes back to that copy and makes another finds the newer key in it.
  ASSERT_TRUE(back_up(target, folder.path() / "second.db", "later").ok());
  EXPECT_FALSE(back_up(target, folder.path() / "second.db", "key").ok());
  EXPECT_TRUE(back_up(target, folder.path() / "second.db", "later").ok());
}

TEST_F(Backups, NeverOverwritesAndNamesWhatIsWrong) {
  ASSERT_TRUE(write_file_durably(folder.path() / "precious", "x").ok());
  const auto taken = back_up(file, folder.path() / "precious", "key");
  EXPECT_EQ(taken.status().code(), Code::kInvalid);
  EXPECT_EQ(read_file(folder.path() / "precious").value(), "x");
  EXPECT_EQ(back_up(file, folder.path() / "none/copy.db", "key").status().code(), Code::kNotFound);
  EXPECT_EQ(back_up(file, "copy.db", "key").status().code(), Code::kInvalid);
  ASSERT_TRUE(back_up(file, folder.path() / "mine.db", "key").ok());
  EXPECT_EQ(back_up(file, folder.path() / "mine.db", "another key").status().code(), Code::kInvalid);
  const auto missing = back_up(folder.path() / "no.db", folder.path() / "copy.db", "key");
  EXPECT_FALSE(missing.ok());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "copy.db"));
}

}  // namespace
}  // namespace autonorm::store
