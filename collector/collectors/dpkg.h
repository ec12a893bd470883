// The package database of Debian and its like, dpkg(1): /var/lib/dpkg/info/PACKAGE[:ARCH].list names the files of a
// package, one path per line; /var/lib/dpkg/status holds a stanza per package (deb-control(5)). Pure on text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// The path as it may stand in the database: since /bin became a link to /usr/bin, either form occurs.
std::vector<std::string> dpkg_path_forms(std::string_view path);
// True when one of the paths is a whole line of the text.
bool dpkg_list_has(std::string_view list, const std::vector<std::string>& paths);

// The names of list files, those first whose package likely owns the path ("postgresql-15.list" for
// /usr/lib/postgresql/15/bin/postgres): most path parts in common first, then as given.
void dpkg_sort_by_hint(std::vector<std::string>& list_names, std::string_view path);

struct DpkgName {
  std::string package, architecture;  // architecture "" when the name has none
};
// From "libc6:amd64.list". Errors: malformed.
Result<DpkgName> parse_dpkg_list_name(std::string_view name);

// The package's stanza within the status text, without the empty line after it; "" when there is none.
std::string_view dpkg_stanza(std::string_view status, const DpkgName& name);

struct DpkgPackage {
  std::string package, version, architecture, status;
  // "15.18" of "15.18-0+deb12u1", "10.11.6" of "1:10.11.6-0+deb12u1".
  std::string upstream_version() const;
};
// Errors: malformed when package or version is missing.
Result<DpkgPackage> parse_dpkg_stanza(std::string_view where, std::string_view stanza);

}  // namespace ec
