// What the place that a test runs in allows, and the end of a test that it does not allow.
#pragma once

#include <string>

namespace ec::test {

// `return not_run_here("needs …");` ends a test case: ctest counts it as skipped and scripts/test tells the reason.
// Only where no assertion has failed yet: ctest would show that one as skipped, too.
void not_run_here(const std::string& reason);

bool is_root();  // in our user namespace
// Built with a sanitizer, which takes much time, memory and address space for itself.
bool has_sanitizer();
// Of races: it adds a thread to every process, and a file below /tmp.
bool has_thread_sanitizer();

// Each tries it and leaves no trace.

// The kernel refuses user namespaces in a chroot, and a host may forbid them.
bool user_namespaces_work();
bool may_mount();          // in the mount namespace that we are in
bool may_change_root();    // chroot(2)
bool may_become_nobody();  // root may, but for a user namespace with one user in it
bool may_read_kernel_log();
bool may_count_events();  // perf_event_open(2), of other processes

// Moves this process into a mount namespace of its own, an ordinary user's into a user namespace, too, where it is
// root. False when that is forbidden; the process may have moved all the same.
bool enter_mount_namespace();

}  // namespace ec::test
