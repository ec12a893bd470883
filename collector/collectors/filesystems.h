// Every filesystem that the target sees, with its space and inodes: what df and df -i show, and which mounts hang.
//
// raw/filesystems.bundle: "mountinfo" of the target (else ours), and per filesystem "statfs/MOUNT-ID" with the numbers
// of statfs(2), by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/collectors/collector.h"
#include "collector/proc/mountinfo.h"

namespace ec {

void gather_filesystems(GatherContext& context);
// Which of them the target uses comes from its open files, links and mappings in the snapshot.
void parse_filesystems(const RawStore& store, Snapshot& snapshot);

// One mount for each filesystem that can fill or hang, in the order in which they are asked: local ones first, network
// and FUSE last. Of a filesystem that is mounted at several places, the one that shows most of it. Kernel interfaces
// (proc, sysfs, cgroup …), automount points and read-only images (squashfs …) are left out.
std::vector<MountEntry> filesystems_of(const std::vector<MountEntry>& mounts);
// nfs, cifs, ceph, FUSE …: what asks somebody else, who may not answer.
bool asks_a_server(std::string_view type);

}  // namespace ec
