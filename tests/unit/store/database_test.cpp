// Schema steps, copies before them, and SQLite's errors in words.
#include <gtest/gtest.h>

#include <array>

#include "coordinator/store/database.h"
#include "coordinator/store/migrations.h"
#include "coordinator/store/store.h"
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
  ASSERT_TRUE(Store::open(folder.path()).ok());
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

TEST(DatabaseErrors, SayWhatIsNeededAndWhetherItCanPass) {
  EXPECT_EQ(database_error(SQLite::Exception("", 13), "/data/autonorm.db").message(),
            "database: disk full; free space on /data, work goes on by itself");
  EXPECT_EQ(database_error(SQLite::Exception("", 13), "/data/autonorm.db").code(), Code::kExhausted);
  EXPECT_EQ(database_error(SQLite::Exception("", 10 | (3 << 8)), "/data/autonorm.db").code(), Code::kUnavailable)
      << "extended I/O error";
  EXPECT_EQ(database_error(SQLite::Exception("", 5), "/data/autonorm.db").code(), Code::kUnavailable);
  EXPECT_EQ(database_error(SQLite::Exception("", 8), "/data/autonorm.db").code(), Code::kInvalid);
  EXPECT_EQ(database_error(SQLite::Exception("", 19), "/data/autonorm.db").code(), Code::kInternal);
}

TEST(DatabaseErrors, ADamagedDatabaseIsNamed) {
  testing::TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder.path() / "autonorm.db", std::string(8192, 'x')).ok());
  const auto store = Store::open(folder.path());
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.status().message().find("autonorm.db is damaged"), std::string::npos) << store.status().message();
}

TEST(DatabaseSettings, CommitsAreDurable) {
  testing::TemporaryFolder folder;
  Connection connection(folder.path() / "autonorm.db", Connection::Mode::kReadWrite);
  EXPECT_EQ(connection.database().execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_EQ(connection.database().execAndGet("PRAGMA synchronous").getInt(), 2) << "FULL";
}

}  // namespace
}  // namespace autonorm::store
