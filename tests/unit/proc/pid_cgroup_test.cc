#include "collector/proc/pid_cgroup.h"

#include "collector/proc/cgroup_files.h"
#include "collector/proc/cgroup_mounts.h"
#include "process_fixture.h"

using namespace ec;

namespace {
const std::string kId = "4f1c0e5a9b7d3c2e8f60123456789abcdef0123456789abcdef0123456789abc";
}

TEST_CASE("cgroup: hierarchies of v1 and v2") {
  auto v1 = parse_pid_cgroup("cgroup", read_fixture("proc-cgroup-v1/cgroup"));
  REQUIRE(v1);
  REQUIRE(v1->size() == 10);
  CHECK(v1->front().controllers == std::vector<std::string>{"name=systemd"});
  CHECK(v1->back().hierarchy == 0);
  CHECK(v1->back().controllers.empty());
  CHECK(hierarchy_name(v1->back()) == "unified");
  auto memory = std::find_if(v1->begin(), v1->end(), [](const CgroupEntry& e) {
    return e.controllers.size() == 1 && e.controllers[0] == "memory";
  });
  REQUIRE(memory != v1->end());
  CHECK(memory->path == "/docker/" + kId);
  auto v2 = parse_pid_cgroup("cgroup", read_fixture("proc-cgroup-v2/cgroup"));
  REQUIRE(v2);
  CHECK(v2->size() == 1);
}

TEST_CASE("cgroup: joint controllers, a colon in the path, a removed cgroup") {
  auto entries = parse_pid_cgroup("cgroup", "4:cpu,cpuacct:/a:b\n0::/gone (deleted)\n");
  REQUIRE(entries);
  CHECK(hierarchy_name((*entries)[0]) == "cpu,cpuacct");
  CHECK((*entries)[0].path == "/a:b");
  CHECK((*entries)[1].removed);
  CHECK((*entries)[1].path == "/gone");
}

TEST_CASE("cgroup: malformed lines are named by number") {
  for (const char* line : {"", "0", "0:", "x::/", "-1::/", "0::relative", "0::"}) {
    INFO(line);
    auto entries = parse_pid_cgroup("/proc/1/cgroup", std::string("0::/\n") + line + "\n0::/\n");
    REQUIRE_FALSE(entries);
    CHECK(entries.error().where == "/proc/1/cgroup:2");
  }
}

TEST_CASE("cgroup: units in paths") {
  CHECK(full_unit_name("nginx") == "nginx.service");
  CHECK(full_unit_name("nginx.service") == "nginx.service");
  CHECK(full_unit_name("session-1.scope") == "session-1.scope");
  CHECK(full_unit_name("app.v2") == "app.v2.service");
  CHECK(full_unit_name(".service") == ".service.service");
  CHECK(path_has_unit("/system.slice/nginx.service", "nginx.service"));
  CHECK(path_has_unit("/system.slice/nginx.service/worker", "nginx.service"));
  CHECK_FALSE(path_has_unit("/system.slice/my-nginx.service", "nginx.service"));
  CHECK_FALSE(path_has_unit("/system.slice/nginx.service.d", "nginx.service"));
  CHECK(path_has_unit("/xnginx.service/nginx.service", "nginx.service"));
  CHECK_FALSE(path_has_unit("/system.slice", ""));
  CHECK(unit_from_path("/system.slice/system-postgresql.slice/postgresql@15-main.service") ==
        "postgresql@15-main.service");
  CHECK(unit_from_path("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service") == "web.service");
  CHECK(unit_from_path("/user.slice/user-1000.slice/session-4.scope") == "session-4.scope");
  CHECK(unit_from_path("/user.slice") == "user.slice");
  CHECK(unit_from_path("/") == "");
}

TEST_CASE("cgroup: container ids as the engines write them") {
  for (const std::string& path : {
           "/docker/" + kId,
           "/system.slice/docker-" + kId + ".scope",
           "/kubepods/burstable/pod3c1b6a2e-4f0d-4c52-9a7e-0d1f2e3a4b5c/" + kId,
           "/kubepods.slice/kubepods-pod3c1b.slice/cri-containerd-" + kId + ".scope",
           "/kubepods.slice/kubepods-pod3c1b.slice/crio-" + kId + ".scope",
           "/system.slice/containerd.service/kubepods-pod3c1b.slice:cri-containerd:" + kId,
           "/machine.slice/libpod-" + kId + ".scope",
           "/machine.slice/libpod-" + kId + ".scope/container",
           "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope",
           "/ecs/task/" + kId,
       }) {
    INFO(path);
    CHECK(container_id_from_path(path) == kId);
  }
  for (const std::string& path :
       {std::string("/"), std::string("/system.slice/nginx.service"), "/machine.slice/libpod-conmon-" + kId + ".scope",
        "/docker/" + kId.substr(1), "/docker/" + kId + "0", "/docker/" + std::string(64, 'G')}) {
    INFO(path);
    CHECK(container_id_from_path(path) == "");
  }
}

TEST_CASE("cgroup: directories of a cgroup and all above it") {
  auto mounts = parse_mountinfo("m", read_fixture("proc-container/mountinfo"));
  REQUIRE(mounts);
  auto levels = cgroup_levels({4, {"memory"}, "/docker/" + kId, false}, *mounts);
  REQUIRE(levels.size() == 3);
  CHECK(levels[0].directory == "/sys/fs/cgroup/memory/docker/" + kId);
  CHECK(levels[1].path == "/docker");
  CHECK(levels[2].path == "/");
  CHECK(levels[2].directory == "/sys/fs/cgroup/memory");
  CHECK(cgroup_levels({0, {}, "/a", false}, *mounts)[0].directory == "/sys/fs/cgroup/unified/a");
  CHECK(cgroup_levels({1, {"name=systemd"}, "/", false}, *mounts)[0].directory == "/sys/fs/cgroup/systemd");
  CHECK(cgroup_levels({1, {"hugetlb"}, "/", false}, *mounts).empty());
}

TEST_CASE("cgroup: inside a container only its part is mounted") {
  auto mounts = parse_mountinfo("m",
                                "40 30 0:29 /docker/me /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
                                "41 30 0:30 /.. /host/cgroup ro - cgroup2 cgroup2 rw\n");
  REQUIRE(mounts);
  auto own = cgroup_levels({4, {"memory"}, "/docker/me/child", false}, *mounts);
  REQUIRE(own.size() == 2);
  CHECK(own[0].directory == "/sys/fs/cgroup/memory/child");
  CHECK(own[1].directory == "/sys/fs/cgroup/memory");
  CHECK(cgroup_levels({4, {"memory"}, "/docker/other", false}, *mounts).empty());
  CHECK(cgroup_levels({4, {"memory"}, "/docker/meadow", false}, *mounts).empty());
  // A sibling of our cgroup namespace, through a mount that was made outside of it.
  auto sibling = cgroup_levels({0, {}, "/../sibling", false}, *mounts);
  REQUIRE(sibling.size() == 2);
  CHECK(sibling[0].directory == "/host/cgroup/sibling");
  CHECK(cgroup_levels({0, {}, "/../../etc", false}, *mounts).empty());
}

TEST_CASE("cgroup: a path of a thousand levels is bounded") {
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "/a";
  CHECK(cgroup_ancestry(path).size() == 64);
  CHECK(cgroup_ancestry("/") == std::vector<std::string>{"/"});
  CHECK(cgroup_ancestry("") == std::vector<std::string>{"/"});
}

TEST_CASE("cgroup files: limits and what means none") {
  auto limit = [](const char* text) { return parse_cgroup_limit("f", text); };
  CHECK(limit("max\n").value() == std::nullopt);
  CHECK(limit("-1\n").value() == std::nullopt);
  CHECK(limit("9223372036854771712\n").value() == std::nullopt);
  CHECK(limit("9223372036854710272\n").value() == std::nullopt);  // 64 KiB pages
  CHECK(limit("536870912\n").value() == 536870912u);
  CHECK(limit("0\n").value() == 0u);
  for (const char* text : {"", "many\n", "1 2\n", "-2\n"}) {
    INFO(text);
    CHECK(limit(text).error().code == ErrorCode::kMalformed);
  }
}

TEST_CASE("cgroup files: quotas and key-value files") {
  CHECK(parse_cpu_max("f", "150000 100000\n")->cores() == Approx(1.5));
  CHECK(parse_cpu_max("f", "max 100000\n")->cores() == std::nullopt);
  for (const char* text : {"", "max\n", "x 100000\n", "100 0\n"}) CHECK_FALSE(parse_cpu_max("f", text));
  auto stat = parse_flat_keyed("f", "nr_periods 28\nnr_throttled 20\n");
  REQUIRE(stat);
  CHECK(stat->at("nr_throttled") == 20);
  auto bad = parse_flat_keyed("cpu.stat", "a 1\nb x\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().where == "cpu.stat:2");
  CHECK(parse_cgroup_number("f", "12\n").value() == 12);
  CHECK_FALSE(parse_cgroup_number("f", "max\n"));
}
