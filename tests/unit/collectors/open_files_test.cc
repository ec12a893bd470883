#include "collector/collectors/open_files.h"

#include <catch2/catch.hpp>

#include "collector/collectors/descriptors.h"
#include "collector/collectors/sockets.h"
#include "tests/unit/collectors/files_fixture.h"

using namespace ec;

namespace {

const OpenFile& file(const Snapshot& snapshot, int fd) {
  for (const OpenFile& one : snapshot.files->files)
    if (one.fd == fd) return one;
  throw std::out_of_range("descriptor");
}

Snapshot parsed(const RawStore& store) {
  Snapshot snapshot;
  snapshot.target.pid = 42;
  snapshot.target.comm = "files-target";
  parse_open_files(store, snapshot);
  parse_sockets(store, snapshot);
  return snapshot;
}

}  // namespace

TEST_CASE("an archive of open files and sockets is joined") {
  Snapshot snapshot = parsed(files_fixture("fd-every-kind"));
  REQUIRE(snapshot.files);
  CHECK(snapshot.files->count == 30);
  CHECK_FALSE(snapshot.files->truncated);
  CHECK(snapshot.files->by_kind["socket"] == 13);
  CHECK(file(snapshot, 16).deleted);
  CHECK(file(snapshot, 16).size_bytes == 9000u);
  CHECK(file(snapshot, 17).kind == "file");
  CHECK(file(snapshot, 20).words == "watches 2 descriptors");
  REQUIRE(file(snapshot, 5).peers.size() == 1);
  CHECK(file(snapshot, 5).peers[0].comm == "files-peer");
  REQUIRE(file(snapshot, 3).socket);
  const Socket& connection = snapshot.files->sockets[*file(snapshot, 3).socket];
  CHECK(connection.remote == "127.0.0.1:60033");
  REQUIRE(connection.peers.size() == 1);
  CHECK(connection.peers[0].pid == 19341);
  REQUIRE(snapshot.sockets);
  CHECK(snapshot.sockets->listening.size() == 4);
  CHECK(snapshot.sockets->listening.size() == snapshot.sockets->listening_owner.size());
}

TEST_CASE("parsing again, in any order, changes nothing") {
  RawStore store = files_fixture("fd-every-kind");
  Snapshot snapshot = parsed(store);
  size_t sockets = snapshot.files->sockets.size(), peers = snapshot.files->sockets[0].peers.size();
  parse_sockets(store, snapshot);
  parse_open_files(store, snapshot);
  parse_sockets(store, snapshot);
  CHECK(snapshot.files->sockets.size() == sockets);
  CHECK(snapshot.files->sockets[0].peers.size() == peers);
  CHECK(snapshot.files->by_kind["socket"] == 13);
}

TEST_CASE("without sock_diag the text of /proc/net is used") {
  RawStore store =
      files_fixture("fd-every-kind", [](std::string_view path) { return path.find("sock_diag") != path.npos; });
  add_text(store, "raw/proc/42/net/tcp", fixture_text("fd-every-kind/net/tcp"));
  add_text(store, "raw/proc/42/net/unix", fixture_text("fd-every-kind/net/unix"));
  Snapshot snapshot = parsed(store);
  REQUIRE(snapshot.sockets);
  CHECK(snapshot.sockets->tcp_by_state["CLOSE_WAIT"] == 5);
  const Socket& full = snapshot.files->sockets[*file(snapshot, 11).socket];
  CHECK(full.state == "LISTEN");
  CHECK(full.receive_queue == 3);
  CHECK_FALSE(full.backlog);
  CHECK_FALSE(snapshot.files->sockets[*file(snapshot, 3).socket].rtt_ms);
  CHECK(snapshot.files->sockets[*file(snapshot, 3).socket].peers.size() == 1);
}

TEST_CASE("without sockets there are files, and a reason") {
  RawStore store = files_fixture("fd-every-kind", [](std::string_view path) {
    return path.find("sock_diag") != path.npos || path.find("/net/") != path.npos;
  });
  Snapshot snapshot = parsed(store);
  REQUIRE(snapshot.files);
  CHECK_FALSE(snapshot.sockets);
  CHECK(snapshot.sockets.why().code == ErrorCode::kNotFound);
  CHECK(snapshot.files->sockets[*file(snapshot, 3).socket].family == "?");
}

TEST_CASE("a bundle that its reader did not finish is cut, and one without fdinfo has kinds") {
  RawStore store;
  std::string bundle;
  append_section(bundle, "0/link", "/dev/null");
  append_section(bundle, "7/link", "/srv/data");
  append_section(bundle, "9/link", "socket:[5]");
  append_failed_section(bundle, "11/link", Error{ErrorCode::kDenied, "x", "not yours", 13});
  append_section(bundle, "7/link", "/srv/data");  // the helper started again
  add_text(store, "raw/proc/42/fd.bundle", bundle);
  Snapshot snapshot = parsed(store);
  REQUIRE(snapshot.files);
  CHECK(snapshot.files->truncated);
  REQUIRE(snapshot.files->files.size() == 4);
  CHECK(file(snapshot, 0).kind == "chardev");
  CHECK(file(snapshot, 7).kind == "file");
  CHECK(file(snapshot, 9).kind == "socket");
  CHECK(file(snapshot, 11).kind == "?");
  CHECK(file(snapshot, 11).words.find("not yours") != std::string::npos);
}

TEST_CASE("counts tell of descriptors that were not listed") {
  RawStore store;
  std::string bundle;
  append_section(bundle, "0/link", "/dev/null");
  append_section(bundle, "count", "descriptors 300000\nlisted 200000\n");
  add_text(store, "raw/proc/42/fd.bundle", bundle);
  Snapshot snapshot = parsed(store);
  CHECK(snapshot.files->count == 300'000);
  CHECK(snapshot.files->truncated);
  CHECK(snapshot.files->why_truncated == "more than the limit of one run");
}

TEST_CASE("a list that ran out of time says so, and so do files without flags") {
  RawStore store;
  std::string bundle;
  append_section(bundle, "0/link", "/dev/null");
  append_section(bundle, "open", "descriptors 100000\n");
  append_section(bundle, "count", "descriptors 30000\nlisted 25000\nwithout_info 4321\nlate 1\n");
  add_text(store, "raw/proc/42/fd.bundle", bundle);
  Snapshot snapshot = parsed(store);
  CHECK(snapshot.files->why_truncated == "there was no time for more");
  CHECK(snapshot.files->without_flags == 4321);
  CHECK(snapshot.files->count == 100'000);
}

TEST_CASE("files on networks and unknown mounts are left alone") {
  CHECK(is_local_filesystem("ext4"));
  CHECK(is_local_filesystem("tmpfs"));
  for (std::string_view type :
       {"nfs", "nfs4", "cifs", "ceph", "fuse", "fuse.sshfs", "9p", "autofs", "glusterfs", "", "afs", "lustre"})
    CHECK_FALSE(is_local_filesystem(type));
  LocalMounts mounts;
  mounts.add("27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n40 27 0:50 / /mnt rw - nfs4 srv:/x rw\nbroken\n");
  CHECK(mounts.local(27));
  CHECK_FALSE(mounts.local(40));
  CHECK_FALSE(mounts.local(99));
}
