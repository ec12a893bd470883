// Headless Chromium, driven over WebDriver (https://www.w3.org/TR/webdriver2/) as a person would: click, type, look.
#pragma once

#include <httplib.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.h"

namespace ec::test {

class Browser {
 public:
  using json = nlohmann::json;

  Browser()
      : port_(free_port()),
        driver_({"chromedriver", "--port=" + std::to_string(port_)}, surroundings(home_)),
        client_("127.0.0.1", port_) {
    client_.set_read_timeout(60);
    REQUIRE(eventually([&] { return bool(client_.Get("/status")); }));
    // As root there is no sandbox, and in a bare root no shared memory. The page is ours.
    json options{
        {"args",
         {"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,700"}}};
    json wanted{{"capabilities", {{"alwaysMatch", {{"browserName", "chrome"}, {"goog:chromeOptions", options}}}}}};
    session_ = "/session/" + ask("/session", wanted)["sessionId"].get<std::string>();
  }
  ~Browser() { client_.Delete(session_); }
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::string& url) { ask(session_ + "/url", {{"url", url}}); }
  // Of a script's "return …".
  json run(const std::string& script) {
    return ask(session_ + "/execute/sync", {{"script", script}, {"args", json::array()}});
  }
  void click(const std::string& selector) { ask(element(selector) + "/click", json::object()); }
  void type(const std::string& selector, const std::string& text) {
    ask(element(selector) + "/value", {{"text", text}});
  }
  // Of the whole window, PNG in base64.
  std::string picture() {
    auto answer = client_.Get(session_ + "/screenshot");
    REQUIRE(answer);
    return json::parse(answer->body)["value"].get<std::string>();
  }

 private:
  static ProgramSettings surroundings(const TempDir& home) {
    ProgramSettings settings;
    settings.environment = {"HOME=" + home.path(), "TMPDIR=" + home.path()};
    return settings;
  }

  json ask(const std::string& path, const json& body) {
    auto answer = client_.Post(path, body.dump(), "application/json");
    REQUIRE(answer);
    INFO(path << " " << body.dump() << "\n" << answer->body);
    REQUIRE(answer->status == 200);
    return json::parse(answer->body)["value"];
  }

  std::string element(const std::string& selector) {
    json found = ask(session_ + "/element", {{"using", "css selector"}, {"value", selector}});
    return session_ + "/element/" + found.begin().value().get<std::string>();
  }

  TempDir home_;
  int port_;
  BackgroundProgram driver_;
  httplib::Client client_;
  std::string session_;
};

}  // namespace ec::test
