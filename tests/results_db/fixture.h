#pragma once
// A directory that goes away with the test, and a run as a trainer would record it.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "core/util/error.h"
#include "results_db/database.h"
#include "results_db/statement.h"
#include "results_db/store.h"

namespace denseshift::results_db {

class ResultsTest : public ::testing::Test {
 protected:
  ResultsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "results-db-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    directory_ = name;
  }
  ~ResultsTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::filesystem::path path(const std::string& name = "results.db") const { return directory_ / name; }

 private:
  std::filesystem::path directory_;
};

inline NewRun example_run(int wbits = 2, const std::string& name = "example") {
  NewRun run;
  run.command = "train";
  run.command_line = "denseshift train --arch resnet20 --wbits " + std::to_string(wbits);
  run.name = name;
  run.tags = {"test"};
  run.config = {
      {"arch", "resnet20"}, {"method", "denseshift"}, {"wbits", wbits}, {"dataset", "cifar10"}, {"epochs", 3},
      {"lr", 0.1},          {"nesterov", true},       {"seed", 1},      {"threads", 0},         {"device", "auto"}};
  run.config_hash = "00ff";
  run.environment = {{"cpu", "Example CPU"}, {"threads", 2}, {"device", "cpu"}, {"torch_version", "1.13"}};
  run.dataset = {{"name", "cifar10"}, {"train", 50000}};
  return run;
}

/// First cell of the first row.
inline Value scalar(const Database& database, const std::string& sql) {
  Statement statement(database, sql);
  return statement.step() ? statement.value(0) : Value();
}

inline std::int64_t integer(const Database& database, const std::string& sql) {
  return std::get<std::int64_t>(scalar(database, sql));
}

/// Exit status of a child process that runs `body`; 99 when it threw.
inline int in_child(const std::function<void()>& body) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      ::_exit(99);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// The error that `body` throws; fails the test when it throws none, or one of several lines.
template <class Body>
Error error_of(Body body) {
  try {
    static_cast<void>(body());
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {ErrorKind::work, "no error was thrown"};
}

}  // namespace denseshift::results_db
