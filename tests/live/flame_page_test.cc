// The page of flame graphs in a real browser. EC_PICTURES=FOLDER keeps the pictures that the tests take.
#include "collector/report/flame_page.h"

#include "tests/live/browser.h"

namespace ec::test {

namespace {

using nlohmann::json;

constexpr const char* kHostile = "</script><script>window.hostile = 1</script><img src=x onerror=window.hostile=1>";

// main 100: serve 70 (handle 40 (malloc 30), hostile 20), idle 20.
CallTree tree(int64_t grown = 0) {
  CallTree tree;
  tree.frames = {{"main", "/usr/bin/server"},  {"serve", "/usr/bin/server"},  {"handle", "/usr/bin/server"},
                 {"malloc", "/lib/libc.so.6"}, {kHostile, "/lib/libevil.so"}, {"idle", "/usr/bin/server"}};
  tree.nodes = {{0, 0, 0, 0},          {0, 0, 10, 0}, {1, 1, 10, 0}, {2, 2, 10, 0},
                {3, 3, 30 + grown, 0}, {2, 4, 20, 0}, {1, 5, 20, 0}};
  for (size_t i = tree.nodes.size(); i-- > 0;) {
    tree.nodes[i].total += tree.nodes[i].self;
    if (i > 0) tree.nodes[tree.nodes[i].parent].total += tree.nodes[i].total;
  }
  return tree;
}

std::string quoted(const std::string& text) { return json(text).dump(); }

struct Page {
  explicit Page(const std::string& html) {
    write_text(folder / "flame.html", html);
    browser.open("file://" + folder / "flame.html");
  }

  // Of the frame with this name, in this pane; null when it is not shown.
  json frame(const std::string& name, const std::string& property, int pane = 0) {
    return browser.run("const found = [...document.querySelectorAll('section')[" + std::to_string(pane) +
                       "].querySelectorAll('.frame')].find(f => f.title.startsWith(" + quoted(name) +
                       ")); return found ? found." + property + " : null");
  }
  double width(const std::string& name, int pane = 0) {
    json value = frame(name, "getBoundingClientRect().width", pane);
    return value.is_number() ? value.get<double>() : 0;
  }
  std::string text(const std::string& selector) {
    return browser.run("return document.querySelector(" + quoted(selector) + ").textContent").get<std::string>();
  }
  void click_frame(const std::string& name) {
    browser.run("[...document.querySelectorAll('.frame')].find(f => f.title.startsWith(" + quoted(name) +
                ")).id = 'wanted'");
    browser.click("#wanted");
  }
  void keep_picture(const std::string& name) {
    std::string picture = browser.picture();
    CHECK(picture.starts_with("iVBORw0KGgo"));  // the signature of PNG
    const char* keep = std::getenv("EC_PICTURES");
    if (!keep) return;
    write_text(folder / "picture.base64", picture);
    write_text(std::string(keep) + "/" + name, run_program({"base64", "-d", folder / "picture.base64"}).out);
  }

  TempDir folder;
  Browser browser;
};

}  // namespace

TEST_CASE("a flame graph is drawn, zoomed, searched, and nothing of it runs or is fetched") {
  Page page(flame_page("cpu of server", "count", {{"cpu", tree()}}));
  CHECK(page.text("#title") == "cpu of server");
  const double whole = page.width("all");
  CHECK(whole > 1000);
  CHECK(page.width("main") == Approx(whole).margin(2));
  CHECK(page.width("serve") == Approx(whole * 0.7).margin(2));
  CHECK(page.width("malloc") == Approx(whole * 0.3).margin(2));
  // One colour for each module.
  CHECK(page.frame("serve", "style.background") != page.frame("malloc", "style.background"));
  page.keep_picture("flame.png");

  page.click_frame("handle");
  CHECK(page.width("handle") == Approx(whole).margin(2));
  CHECK(page.width("main") == Approx(whole).margin(2));  // what leads there stays
  CHECK(page.width("malloc") == Approx(whole * 0.75).margin(2));
  CHECK(page.frame("idle", "title").is_null());
  CHECK(page.text("#details").find("handle [server]\n40 (40.0 % of all") == 0);
  page.keep_picture("flame-zoomed.png");
  page.click_frame("serve");
  CHECK(page.width("handle") == Approx(whole * 4 / 7).margin(2));
  page.browser.click("#reset");
  CHECK(page.width("idle") == Approx(whole * 0.2).margin(2));

  page.browser.type("#search", "^mal+oc$|idle");
  CHECK(page.text("#found") == "found: 50.0 %");
  CHECK(page.browser.run("return document.querySelectorAll('.match').length") == 2);
  page.keep_picture("flame-searched.png");
  page.browser.type("#search", "(");  // not a regular expression any more
  CHECK(page.text("#found") == "found: 0.0 %");

  std::string shown = page.frame(kHostile, "textContent").get<std::string>();
  CHECK((shown.size() > 10 && std::string(kHostile).ends_with(shown)));
  CHECK(page.browser.run("return window.hostile === undefined") == true);
  CHECK(page.browser.run("return performance.getEntriesByType('resource').length") == 0);
}

TEST_CASE("in a program of one file packages have the colours, and the ends of long names are shown") {
  CallTree tree;
  const std::string file = "/usr/bin/server", name = "(anonymous namespace)::Cache::evict";
  tree.frames = {{"main.main", file}, {"github.com/example/queue.(*Queue[...]).Take", file}, {name, file}};
  tree.nodes = {{0, 0, 0, 100}, {0, 0, 0, 100}, {1, 1, 92, 92}, {1, 2, 8, 8}};
  Page page(flame_page("cpu", "count", {{"cpu", tree}}));
  CHECK(page.frame("main.main", "style.background") != page.frame("github.com", "style.background"));
  CHECK(page.text("#legend") == "github.com/example/queue(anonymous namespace)main");
  CHECK(page.frame(name, "textContent") == "Cache::evict");
  page.click_frame("github.com");
  CHECK(page.frame("github.com", "textContent") == "github.com/example/queue.(*Queue[...]).Take");
  page.browser.click("#reset");

  auto press = [&](const std::string& key) {
    page.browser.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '" + key +
                     "', bubbles: true}))");
    return page.text("#details");
  };
  page.browser.run("document.querySelector('.frame').focus()");
  CHECK(press("ArrowDown").starts_with("main.main [server]\n100"));
  CHECK(press("ArrowDown").starts_with("github.com"));
  CHECK(press("ArrowRight").starts_with(name));
  CHECK(press("ArrowRight").starts_with(name));  // the last one
  CHECK(press("ArrowLeft").starts_with("github.com"));
  CHECK(press("ArrowUp").starts_with("main.main"));
}

TEST_CASE("two profiles stand side by side, and zoom together") {
  Page page(flame_page("heap of server", "bytes", {{"before", tree()}, {"after", tree(100)}}));
  const double whole = page.width("all", 0);
  CHECK(page.width("all", 1) == Approx(whole).margin(2));
  CHECK(page.width("malloc", 0) == Approx(whole * 0.3).margin(2));
  CHECK(page.width("malloc", 1) == Approx(whole * 0.65).margin(2));
  CHECK(page.frame("malloc", "style.background") != page.frame("idle", "style.background"));
  page.click_frame("idle");
  CHECK(page.width("idle", 0) == Approx(whole).margin(2));
  CHECK(page.width("idle", 1) == Approx(whole).margin(2));
  page.browser.click("#reset");
  page.keep_picture("flame-compared.png");
}

}  // namespace ec::test
