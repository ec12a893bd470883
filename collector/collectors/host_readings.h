// Stored texts of the host with their places, and counters as rates. Private to the host_* collectors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collector/archive/raw_store.h"
#include "collector/collectors/collector.h"

namespace ec {

// Stores /PATH under the reading of `context`. "proc/stat" → "raw/second/proc/stat".
bool store_reading(GatherContext& context, std::string_view path, Redact redact = Redact::kAuto);
// The same for what some kernels and containers do not have: its absence is no failure and leaves no artifact.
void store_if_there(GatherContext& context, const std::string& artifact, const std::string& file,
                    Redact redact = Redact::kAuto);
// Stores /PATH once, under "raw/PATH"; nothing in later readings.
bool store_once(GatherContext& context, std::string_view path, Redact redact = Redact::kAuto);

struct StoredText {
  std::string where;      // the artifact
  std::string_view text;  // lives as long as the store holds it
};
struct StoredPair {
  StoredText first, latest;
  double seconds = 0;  // between them; above 0
};

// `path` without "raw/". The latest reading that there is.
Result<StoredText> latest_text(const RawStore& store, std::string_view path);
// First and latest reading. Errors: that of the first; skipped when there is no second one.
Result<StoredPair> both_texts(const RawStore& store, std::string_view path);

// Both readings through one parser.
template <class T>
struct Pair {
  T first, latest;
  double seconds = 0;
};
template <class T>
Result<Pair<T>> both(const RawStore& store, std::string_view path,
                     Result<T> (*parse)(std::string_view, std::string_view)) {
  auto texts = both_texts(store, path);
  if (!texts) return tl::unexpected(texts.error());
  auto first = parse(texts->first.where, texts->first.text);
  if (!first) return tl::unexpected(first.error());
  auto latest = parse(texts->latest.where, texts->latest.text);
  if (!latest) return tl::unexpected(latest.error());
  return Pair<T>{std::move(*first), std::move(*latest), texts->seconds};
}
template <class T>
Result<T> latest(const RawStore& store, std::string_view path, Result<T> (*parse)(std::string_view, std::string_view)) {
  auto text = latest_text(store, path);
  if (!text) return tl::unexpected(text.error());
  return parse(text->where, text->text);
}

// What a counter grew; 0 when it was set back (a device was replaced, a module loaded again).
uint64_t growth(uint64_t first, uint64_t latest);
// The same for a counter of milliseconds that wraps at 2^32.
uint64_t growth_32(uint64_t first, uint64_t latest);

// The first line of an artifact as a number. Errors: that of the artifact; malformed.
Result<uint64_t> stored_number(const RawStore& store, std::string_view artifact);

// Path for raw_path() of the network counters: "proc/42/net", the namespace of the target, when there is one.
std::string network_path(int target_pid);

}  // namespace ec
