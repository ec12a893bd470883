#include "collector/collectors/executable.h"

#include <catch2/catch.hpp>

#include "collector/collectors/dpkg.h"
#include "collector/collectors/known_programs.h"

using namespace ec;

namespace {

class Bundle {
 public:
  Bundle& with(std::string_view name, std::string_view bytes) {
    append_section(text_, name, bytes);
    return *this;
  }
  Bundle& failed(std::string_view name, ErrorCode code, int sys_errno, std::string detail) {
    append_failed_section(text_, name, {code, "", std::move(detail), sys_errno});
    return *this;
  }
  Snapshot parse() const {
    RawStore store;
    ArtifactRow row;
    row.path = kExecutableBundle;
    store.add(row, text_);
    Snapshot snapshot;
    snapshot.target.pid = 42;
    parse_executable(store, snapshot);
    return snapshot;
  }
  Executable executable() const {
    Snapshot snapshot = parse();
    REQUIRE(snapshot.executable);
    return *snapshot.executable;
  }

 private:
  std::string text_;
};

ProgramFacts facts_of(std::string path, std::vector<std::string> texts = {}, std::vector<std::string> libraries = {}) {
  ProgramFacts facts;
  facts.path = std::move(path);
  facts.texts = std::move(texts);
  facts.libraries = std::move(libraries);
  return facts;
}

}  // namespace

TEST_CASE("a server from a package") {
  Executable executable =
      Bundle()
          .with("exe/link", "/usr/lib/postgresql/15/bin/postgres")
          .with("exe/root", "/")
          .with("exe/stat", "fe:0 317697 9210984 1 1746088821000000000\n")
          .with("exe/disk", "fe:0 317697 9210984 1 1746088821000000000\n")
          .with("exe/elf",
                "build_id 44c007cfee140e4c25e8a434008096828e70a92c\ninterpreter /lib64/ld-linux-x86-64.so.2\n"
                "machine x86-64\nclass 64\nstripped yes\ndebug_info no\nposition_independent yes\nstatic_linked no\n")
          .with("exe/version_strings",
                "0x4f1e80\t/usr/lib/postgresql/15/bin/postgres\tPostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64\n")
          .with("dpkg/owner", "postgresql-15.list\n")
          .with("dpkg/stanza", "Package: postgresql-15\nStatus: install ok installed\nVersion: 15.18-0+deb12u1\n")
          .executable();
  CHECK(executable.path == "/usr/lib/postgresql/15/bin/postgres");
  CHECK(executable.build_id == "44c007cfee140e4c25e8a434008096828e70a92c");
  CHECK(executable.interpreter == "/lib64/ld-linux-x86-64.so.2");
  CHECK(executable.product == "PostgreSQL 15.18");
  CHECK(executable.package == "postgresql-15 15.18-0+deb12u1");
  CHECK(executable.package_reason == "");
  CHECK(executable.language == "C/C++");
  CHECK(executable.stripped);
  CHECK(executable.position_independent);
  CHECK_FALSE(executable.static_linked);
  CHECK_FALSE(executable.deleted);
  CHECK_FALSE(executable.replaced);
}

TEST_CASE("deleted, replaced, and merely out of sight") {
  auto with_link = [](std::string_view link) {
    return Bundle().with("exe/link", link).with("exe/stat", "8:1 10 5 0 1\n");
  };
  SECTION("the file is gone") {
    Executable gone =
        with_link("/srv/app (deleted)").failed("exe/disk", ErrorCode::kGone, ENOENT, "open failed").executable();
    CHECK(gone.path == "/srv/app");
    CHECK(gone.deleted);
    CHECK_FALSE(gone.replaced);
  }
  SECTION("another file is there") {
    Executable other = with_link("/srv/app (deleted)").with("exe/disk", "8:1 11 5 1 2\n").executable();
    CHECK_FALSE(other.deleted);
    CHECK(other.replaced);
  }
  SECTION("the same inode on another device is another file") {
    CHECK(with_link("/srv/app").with("exe/disk", "8:2 10 5 1 1\n").executable().replaced);
  }
  SECTION("a path that is not there, without the kernel's mark: another mount namespace hides it") {
    Executable hidden = with_link("/srv/app").failed("exe/disk", ErrorCode::kGone, ENOENT, "open failed").executable();
    CHECK_FALSE(hidden.deleted);
    CHECK_FALSE(hidden.replaced);
  }
  SECTION("a program in memory") {
    Executable memory = Bundle().with("exe/link", "/memfd:x (deleted)").with("exe/stat", "0:1 10 5 0 1\n").executable();
    CHECK(memory.path == "/memfd:x");
    CHECK(memory.deleted);
  }
}

TEST_CASE("mapped libraries: deleted and replaced ones are told, overlay inodes are not trusted") {
  MappedLibrary library;
  library.mapped_major = 0xfe;
  library.mapped_inode = 1234;
  library.disk_major = 0xfe;
  library.disk_inode = 1234;
  library.path = "/usr/lib/with space.so";
  CHECK(library_line(library) == "fe:0 1234 linked fe:0 1234 0 /usr/lib/with space.so\n");
  auto back = parse_library_line("fe:0 1234 linked fe:0 1234 0 /usr/lib/with space.so");
  REQUIRE(back);
  CHECK(back->path == library.path);
  CHECK_FALSE(back->changed());
  CHECK(parse_library_line("fe:0 1234 linked fe:0 99 ef53 /a.so")->changed());
  CHECK_FALSE(parse_library_line("fe:0 1234 linked 2a:0 1234 0 /a.so")->changed());       // btrfs: another device
  CHECK_FALSE(parse_library_line("fe:0 1234 linked 2a:0 99 794c7630 /a.so")->changed());  // overlay
  CHECK(parse_library_line("fe:0 1234 deleted 2a:0 99 794c7630 /a.so")->changed());
  CHECK(parse_library_line("fe:0 1234 deleted errno 2 0 /a.so")->changed());
  CHECK_FALSE(parse_library_line("fe:0 1234 linked errno 13 0 /a.so")->changed());
  for (const char* line :
       {"", "fe:0", "fe 1 linked fe:0 1 0 /a", "fe:0 x linked fe:0 1 0 /a", "fe:0 1 other fe:0 1 0 /a",
        "fe:0 1 linked zz 1 0 /a", "fe:0 1 linked fe:0 1 0", "fe:0 1 linked fe:0 1 q /a"})
    CHECK_FALSE(parse_library_line(line));
  Executable executable =
      Bundle()
          .with("exe/link", "/a")
          .with("libraries",
                "fe:0 1 deleted errno 2 0 /usr/lib/libssl.so.3\nbroken line\nfe:0 2 linked fe:0 2 0 /b.so\n")
          .executable();
  CHECK(executable.changed_libraries == std::vector<std::string>{"/usr/lib/libssl.so.3"});
}

TEST_CASE("the path is what the target sees") {
  CHECK(path_in_root("/usr/bin/x", "/") == "/usr/bin/x");
  CHECK(path_in_root("/srv/jail/bin/x (deleted)", "/srv/jail") == "/bin/x");
  CHECK(path_in_root("/srv/jailer/x", "/srv/jail") == "/srv/jailer/x");
  CHECK(path_in_root("/bin/x", "") == "/bin/x");
}

TEST_CASE("languages") {
  CHECK(language_of(facts_of("/usr/bin/python3.11", {"3.11.", "3.11.x", "3.11.2"})) == "CPython 3.11.2");
  CHECK(language_of(facts_of("/usr/bin/python3.13", {"3.13.0rc1"})) == "CPython 3.13.0rc1");
  CHECK(language_of(facts_of("/usr/bin/python3.11")) == "CPython 3.11");
  CHECK(language_of(facts_of("/opt/app/server", {"3.9.18"}, {"/usr/lib/libc.so.6", "/usr/lib/libpython3.9.so.1.0"})) ==
        "CPython 3.9.18");
  CHECK(language_of(facts_of("/usr/bin/node", {"node.js/v20.20.2"})) == "Node 20.20.2");
  CHECK(language_of(facts_of("/usr/bin/ruby3.1", {"ruby 3.1.2p20 (2022-04-12 revision 4491bb740a)"})) ==
        "Ruby 3.1.2p20");
  CHECK(language_of(facts_of("/usr/sbin/php-fpm8.2", {"PHP/8.2.7"})) == "PHP 8.2.7");
  CHECK(language_of(facts_of("/usr/bin/perl", {"share/perl/5.36.0"})) == "Perl 5.36.0");
  CHECK(language_of(facts_of("/usr/lib/erlang/erts-13.1.5/bin/beam.smp")) == "Erlang/OTP (ERTS 13.1.5)");
  CHECK(language_of(facts_of("/app/Shop", {},
                             {"/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so"})) == ".NET 8.0.1");
  CHECK(language_of(facts_of("/usr/bin/nodejs-like")) == "C/C++");

  ProgramFacts java = facts_of("/usr/lib/jvm/java-17-openjdk-amd64/bin/java", {},
                               {"/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so"});
  CHECK(language_of(java) == "JVM");
  java.java_release = "IMPLEMENTOR=\"Debian\"\nJAVA_RUNTIME_VERSION=\"17.0.15+6\"\nJAVA_VERSION=\"17.0.15\"\n";
  CHECK(language_of(java) == "JVM 17.0.15");

  ProgramFacts rust = facts_of("/usr/bin/rg");
  rust.comment = "GCC: (Debian 12.2.0-14) 12.2.0\nrustc version 1.63.0\n";
  CHECK(language_of(rust) == "Rust 1.63.0");
  ProgramFacts go = facts_of("/usr/bin/python3", {"3.11.2"});
  go.go_version = "1.19.8";
  CHECK(language_of(go) == "Go 1.19.8");
}

TEST_CASE("a server that loads an interpreter as a module is still what it was") {
  CHECK(language_of(facts_of("/usr/lib/postgresql/15/bin/postgres", {},
                             {"/usr/lib/x86_64-linux-gnu/libperl.so.5.36"})) == "C/C++");
  CHECK(language_of(facts_of("/usr/sbin/apache2", {"PHP/8.2.7"}, {"/usr/lib/apache2/modules/libphp8.2.so"})) ==
        "PHP 8.2.7");
}

TEST_CASE("products") {
  CHECK(product_of(facts_of("/usr/sbin/nginx", {"nginx/1.22.1</center>"})) == "nginx 1.22.1");
  CHECK(product_of(facts_of("/usr/sbin/nginx.old", {"nginx/1.22.1"})) == "nginx 1.22.1");
  CHECK(product_of(facts_of("/usr/sbin/haproxy", {"HAProxy version 2.6.12-1"})) == "HAProxy 2.6.12-1");
  CHECK(product_of(facts_of("/usr/sbin/sshd", {"OpenSSH_9.2p1 Debian-2"})) == "OpenSSH 9.2p1");
  CHECK(product_of(facts_of("/usr/sbin/nginx")) == "nginx");
  CHECK(product_of(facts_of("/usr/sbin/nginxish", {"nginx/1.22.1"})) == "");
  CHECK(product_of(facts_of("")) == "");

  ProgramFacts redis = facts_of("/usr/bin/redis-check-rdb");
  redis.package = DpkgPackage{"redis-server", "5:7.0.15-1~deb12u6", "amd64", ""};
  CHECK(product_of(redis) == "Redis 7.0.15");
  ProgramFacts maria = facts_of("/usr/sbin/mysqld");
  maria.package = DpkgPackage{"mariadb-server-core", "1:10.11.19-0+deb12u1", "amd64", ""};
  CHECK(product_of(maria) == "MariaDB 10.11.19");
}

TEST_CASE("what to look for in which file") {
  CHECK(version_needles("/usr/sbin/nginx") == std::vector<std::string>{"nginx/"});
  CHECK(version_needles("/usr/bin/python3.11") == std::vector<std::string>{"3.11."});
  CHECK(version_needles("/usr/lib/libpython3.6m.so.1.0") == std::vector<std::string>{"3.6."});
  CHECK(version_needles("/usr/bin/redis-server").empty());
  CHECK(version_needles("/usr/bin/sleep").empty());
  CHECK(version_needles("").empty());
  CHECK(is_runtime_library("/usr/lib/libpython3.11.so.1.0"));
  CHECK_FALSE(is_runtime_library("/usr/lib/libc.so.6"));
}

TEST_CASE("a Go program") {
  Executable executable =
      Bundle()
          .with("exe/link", "/usr/local/bin/etcd")
          .with("exe/go_version", "go1.21.5")
          .with("exe/go_modules",
                "path\tgo.etcd.io/etcd/server/v3/etcd\nmod\tgo.etcd.io/etcd/server/v3\tv3.5.12\th1:x=\n"
                "dep\tgolang.org/x/net\tv0.17.0\nbuild\tGOOS=linux\nbuild\tvcs.revision=e7b3bb6\n")
          .executable();
  CHECK(executable.language == "Go 1.21.5");
  CHECK(executable.go_version == "1.21.5");
  CHECK(executable.go_module == "go.etcd.io/etcd/server/v3");
  CHECK(executable.go_settings.at("vcs.revision") == "e7b3bb6");
  CHECK(executable.product == "etcd v3.5.12");
}

TEST_CASE("why there is no package") {
  CHECK(Bundle().with("exe/link", "/a").with("package_database", "rpm\n").executable().package_reason ==
        "package database not read: rpm");
  CHECK(Bundle().with("exe/link", "/a").executable().package_reason == "no package database in the target's root");
  CHECK(Bundle()
            .with("exe/link", "/a")
            .failed("dpkg/owner", ErrorCode::kNotFound, 0, "no dpkg package has this file")
            .executable()
            .package_reason == "no dpkg package has this file");
  CHECK(Bundle().with("exe/link", "/a").with("dpkg/owner", "coreutils.list\n").executable().package == "coreutils");
}

TEST_CASE("no executable at all") {
  CHECK(Bundle().failed("exe/link", ErrorCode::kDenied, 13, "").parse().executable.why().code == ErrorCode::kDenied);
  CHECK(Bundle().with("exe/elf", "build_id aa\n").parse().executable.why().code == ErrorCode::kTruncated);
  Snapshot nothing;
  parse_executable(RawStore(), nothing);
  CHECK(nothing.executable.why().code == ErrorCode::kNotFound);
}

TEST_CASE("dpkg: whole lines only, in either form of a merged /usr") {
  std::string list = "/.\n/usr\n/usr/bin\n/usr/bin/redis-server-old\n/bin/bash\n/usr/bin/redis-server";
  CHECK(dpkg_list_has(list, dpkg_path_forms("/usr/bin/redis-server")));
  CHECK(dpkg_list_has(list, dpkg_path_forms("/usr/bin/bash")));
  CHECK(dpkg_list_has(list, dpkg_path_forms("/bin/redis-server")));
  CHECK_FALSE(dpkg_list_has(list, dpkg_path_forms("/usr/bin/redis")));
  CHECK_FALSE(dpkg_list_has(list, dpkg_path_forms("bin/bash")));
  CHECK_FALSE(dpkg_list_has("", dpkg_path_forms("/x")));
  CHECK_FALSE(dpkg_list_has("\n", {""}));
}

TEST_CASE("dpkg: likely lists first") {
  std::vector<std::string> names{"adduser.list", "libpq5:amd64.list", "postgresql-15.list", "postgresql-common.list",
                                 "zlib1g:amd64.list"};
  dpkg_sort_by_hint(names, "/usr/lib/postgresql/15/bin/postgres");
  CHECK(names[0] == "postgresql-15.list");
  std::vector<std::string> java{"adduser.list", "openjdk-17-jre-headless:amd64.list"};
  dpkg_sort_by_hint(java, "/usr/lib/jvm/java-17-openjdk-amd64/bin/java");
  CHECK(java[0] == "openjdk-17-jre-headless:amd64.list");
}

TEST_CASE("dpkg: the stanza of the right architecture") {
  std::string status =
      "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.35\n\n"
      "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u14\nDescription: GNU C "
      "Library\n long text\n .\n\n"
      "Package: libc6-dbg\nArchitecture: amd64\nVersion: 1\n";
  auto name = parse_dpkg_list_name("libc6:amd64.list");
  REQUIRE(name);
  auto package = parse_dpkg_stanza("status", dpkg_stanza(status, *name));
  REQUIRE(package);
  CHECK(package->version == "2.36-9+deb12u14");
  CHECK(package->upstream_version() == "2.36");
  CHECK(dpkg_stanza(status, {"libc6-dbg", ""}).find("Version: 1") != std::string_view::npos);
  CHECK(dpkg_stanza(status, {"libc", ""}).empty());
  CHECK(dpkg_stanza("", {"libc", ""}).empty());
}

TEST_CASE("dpkg: malformed text is told with its line") {
  CHECK(parse_dpkg_list_name("../etc/passwd").error().code == ErrorCode::kMalformed);
  CHECK(parse_dpkg_list_name(".list").error().code == ErrorCode::kMalformed);
  CHECK(parse_dpkg_stanza("status", "Package: a\nnonsense\n").error().where == "status:2");
  CHECK(parse_dpkg_stanza("status", "Package: a\n").error().detail == "expected Package and Version");
}
