#include "collector/collectors/host_readings.h"

#include "collector/base/text.h"

namespace ec {

bool store_reading(GatherContext& context, std::string_view path, Redact redact) {
  std::string file = fmt::format("/{}", path);
  context.out.touch(file);
  return context.out.file(raw_path(context.reading, path), file, redact);
}

void store_if_there(GatherContext& context, const std::string& artifact, const std::string& file, Redact redact) {
  context.out.touch(file);
  auto bytes = read_file(file);
  if (bytes)
    context.out.artifact(artifact, file, *bytes, redact);
  else if (bytes.error().code != ErrorCode::kGone)
    context.out.failed(artifact, file, bytes.error(), fix_for(bytes.error(), file));
}

bool store_once(GatherContext& context, std::string_view path, Redact redact) {
  return context.reading == Reading::kFirst && store_reading(context, path, redact);
}

Result<StoredText> latest_text(const RawStore& store, std::string_view path) {
  std::string where = raw_path(latest_reading(store, path), path);
  auto text = store.read(where);
  if (!text) return tl::unexpected(text.error());
  return StoredText{std::move(where), *text};
}

Result<StoredPair> both_texts(const RawStore& store, std::string_view path) {
  StoredPair pair;
  pair.first.where = raw_path(Reading::kFirst, path);
  auto first = store.read(pair.first.where);
  if (!first) return tl::unexpected(first.error());
  pair.first.text = *first;
  auto latest = latest_text(store, path);
  if (!latest) return tl::unexpected(latest.error());
  pair.latest = std::move(*latest);
  pair.seconds = interval_seconds(store, path);
  if (pair.latest.where == pair.first.where || pair.seconds <= 0)
    return fail(ErrorCode::kSkipped, pair.first.where, "a rate needs two readings");
  return pair;
}

uint64_t growth(uint64_t first, uint64_t latest) { return latest > first ? latest - first : 0; }

uint64_t growth_32(uint64_t first, uint64_t latest) {
  if (latest >= first) return latest - first;
  constexpr uint64_t kWrap = uint64_t{1} << 32;
  // Only a counter near its end wraps; anything else was set back.
  return first < kWrap && first > kWrap / 2 && latest < kWrap / 2 ? latest + kWrap - first : 0;
}

Result<uint64_t> stored_number(const RawStore& store, std::string_view artifact) {
  auto text = store.read(artifact);
  if (!text) return tl::unexpected(text.error());
  LineCursor lines(artifact, *text);
  auto value = parse_number<uint64_t>(trim(lines.next().value_or("")));
  if (!value) return tl::unexpected(lines.expected("a number"));
  return *value;
}

std::string network_path(int target_pid) {
  return target_pid > 0 ? fmt::format("proc/{}/net", target_pid) : "proc/net";
}

}  // namespace ec
