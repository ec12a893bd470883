#include "collector/profile/digest.h"

#include <algorithm>
#include <optional>

#include "collector/base/text.h"
#include "collector/profile/call_graph.h"
#include "collector/profile/measurement.h"

namespace ec {

namespace {

constexpr size_t kFunctions = 20, kPaths = 5, kPathDepth = 24, kNameBytes = 200;
constexpr size_t kSamplesOfPath = 200'000;  // the heaviest: the others do not change which way most of it went

std::string_view text_of(const Pprof& profile, uint32_t index) { return profile.strings[index]; }

// What people look at first: bytes in use of a heap, bytes ever allocated of allocs, time wherever there is one.
size_t chosen_type(ProfileKind kind, const Pprof& profile) {
  std::string_view wanted = kind == ProfileKind::kHeap     ? "inuse_space"
                            : kind == ProfileKind::kAllocs ? "alloc_space"
                                                           : text_of(profile, profile.default_sample_type);
  for (size_t i = 0; i < profile.sample_types.size() && !wanted.empty(); ++i)
    if (text_of(profile, profile.sample_types[i].type) == wanted) return i;
  return profile.sample_types.size() - 1;
}

// Walks up one stack, function by function, inlined ones too.
class StackCursor {
 public:
  StackCursor(const Pprof& profile, const FunctionTable& table, const PprofSample& sample)
      : profile_(&profile), table_(&table), slice_(sample.locations) {
    skip_empty();
  }
  bool ended() const { return at_ >= slice_.count; }
  void to_end() { at_ = slice_.count; }
  uint32_t node() const { return table_->begin(location())[line_]; }
  void up() {
    ++line_;
    skip_empty();
  }

 private:
  uint32_t location() const { return profile_->stack[slice_.first + at_]; }
  void skip_empty() {
    while (!ended() && line_ >= table_->count(location())) {
      ++at_;
      line_ = 0;
    }
  }
  const Pprof* profile_;
  const FunctionTable* table_;
  PprofSlice slice_;
  uint32_t at_ = 0, line_ = 0;
};

struct Charge {
  StackCursor at;
  int64_t value;
};

class Digester {
 public:
  Digester(ProfileKind kind, const Pprof& profile) : profile_(profile), table_(profile) {
    digest_.kind = kind;
    type_ = chosen_type(kind, profile);
  }

  ProfileDigest run() {
    header();
    weights_ = weigh_nodes(profile_, table_, type_);
    for (const FunctionNode& node : table_.nodes()) {
      std::string_view name = node.name.empty() ? node.object_file : node.name;
      works_.push_back(work_of(name));
      if (node.name.empty() && node.object_file.find("[kernel") != std::string_view::npos)
        works_.back() = RuntimeWork::kSystemCall;
    }
    charge();
    digest_.by_flat = heaviest(weights_.flat);
    digest_.by_cum = heaviest(weights_.cum);
    digest_.by_charged = heaviest(charged_);
    paths();
    return std::move(digest_);
  }

 private:
  void header() {
    digest_.type = printable_line(text_of(profile_, profile_.sample_types[type_].type), 60);
    digest_.unit = printable_line(text_of(profile_, profile_.sample_types[type_].unit), 30);
    digest_.time_ns = profile_.time_ns;
    digest_.duration_ns = std::max<int64_t>(0, profile_.duration_ns);
    digest_.samples = profile_.samples.size();
    digest_.functions = table_.nodes().size();
    for (size_t i = 0; i < std::min<size_t>(profile_.sample_types.size(), 16); ++i) {
      DigestTotal total{printable_line(text_of(profile_, profile_.sample_types[i].type), 60),
                        printable_line(text_of(profile_, profile_.sample_types[i].unit), 30), 0};
      for (const PprofSample& sample : profile_.samples)
        total.value = wrapping_sum(total.value, profile_.values[sample.values.first + i]);
      digest_.totals.push_back(std::move(total));
    }
    for (const PprofSample& sample : profile_.samples) digest_.total = wrapping_sum(digest_.total, value_of(sample));
  }

  int64_t value_of(const PprofSample& sample) const { return profile_.values[sample.values.first + type_]; }
  bool of_runtime(uint32_t node) const { return works_[node] != RuntimeWork::kNone; }

  // Where the sample is charged: a cursor at its end when all of it is the runtime's.
  StackCursor charged_at(const PprofSample& sample, RuntimeWork& work) const {
    StackCursor cursor(profile_, table_, sample);
    for (; !cursor.ended() && of_runtime(cursor.node()); cursor.up()) work = std::max(work, works_[cursor.node()]);
    if (digest_.kind == ProfileKind::kBlock && work != RuntimeWork::kLocking) cursor.to_end();
    return cursor;
  }

  void charge() {
    charged_.resize(table_.nodes().size());
    for (const PprofSample& sample : profile_.samples) {
      RuntimeWork work = RuntimeWork::kNone;
      StackCursor cursor = charged_at(sample, work);
      int64_t& in_runtime = digest_.runtime[static_cast<size_t>(work)];
      in_runtime = wrapping_sum(in_runtime, value_of(sample));
      if (!cursor.ended()) charged_[cursor.node()] = wrapping_sum(charged_[cursor.node()], value_of(sample));
    }
  }

  std::vector<uint32_t> order_by(const std::vector<int64_t>& weights) const {
    std::vector<uint32_t> order;
    for (uint32_t node = 0; node < weights.size(); ++node)
      if (weights[node] > 0) order.push_back(node);
    auto heavier = [&](uint32_t a, uint32_t b) { return weights[a] != weights[b] ? weights[a] > weights[b] : a < b; };
    size_t kept = std::min(order.size(), kFunctions);
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(kept), order.end(), heavier);
    order.resize(kept);
    return order;
  }

  std::string name_of(uint32_t node) const { return printable_line(table_.nodes()[node].printable(), kNameBytes); }

  std::vector<DigestFunction> heaviest(const std::vector<int64_t>& weights) const {
    std::vector<DigestFunction> functions;
    for (uint32_t node : order_by(weights))
      functions.push_back({name_of(node), weights_.flat[node], weights_.cum[node], charged_[node]});
    return functions;
  }

  void paths() {
    std::vector<uint32_t> tops = order_by(charged_);
    if (tops.size() > kPaths) tops.resize(kPaths);
    constexpr size_t kNone = SIZE_MAX;
    std::vector<size_t> number(table_.nodes().size(), kNone);
    for (size_t i = 0; i < tops.size(); ++i) number[tops[i]] = i;
    std::vector<std::vector<Charge>> charges(tops.size());
    for (const PprofSample& sample : profile_.samples) {
      RuntimeWork work = RuntimeWork::kNone;
      StackCursor cursor = charged_at(sample, work);
      if (cursor.ended() || number[cursor.node()] == kNone || value_of(sample) <= 0) continue;
      std::vector<Charge>& of_node = charges[number[cursor.node()]];
      of_node.push_back({cursor, value_of(sample)});
      if (of_node.size() == 2 * kSamplesOfPath) keep_heaviest(of_node);
    }
    callers_.assign(table_.nodes().size(), 0);
    for (size_t i = 0; i < tops.size(); ++i) {
      keep_heaviest(charges[i]);
      digest_.paths.push_back(path(charged_[tops[i]], tops[i], std::move(charges[i])));
    }
  }

  static void keep_heaviest(std::vector<Charge>& charges) {
    if (charges.size() <= kSamplesOfPath) return;
    auto end = charges.begin() + kSamplesOfPath;
    std::nth_element(charges.begin(), end, charges.end(),
                     [](const Charge& a, const Charge& b) { return a.value > b.value; });
    charges.erase(end, charges.end());
  }

  // The caller that most of it came from, then the one that most of that came from …
  DigestPath path(int64_t value, uint32_t node, std::vector<Charge> charges) {
    DigestPath path;
    path.value = value;
    while (true) {
      path.functions.push_back(name_of(node));
      int64_t sum = 0;
      for (const Charge& one : charges) sum = wrapping_sum(sum, one.value);
      path.values.push_back(sum);
      bool by_program = path.functions.size() > 1 && origin_of(table_.nodes()[node].name) == FunctionOrigin::kProgram &&
                        !table_.nodes()[node].name.empty();
      if (path.caller.empty() && by_program) path.caller = path.functions.back();
      if (path.functions.size() == kPathDepth) break;
      auto next = heaviest_caller(node, charges);
      if (!next) break;
      node = *next;
    }
    return path;
  }

  // Leaves in `charges` those that came this way.
  std::optional<uint32_t> heaviest_caller(uint32_t node, std::vector<Charge>& charges) {
    std::vector<uint32_t> seen;
    std::optional<uint32_t> best;
    for (Charge& one : charges) {
      while (!one.at.ended() && one.at.node() == node) one.at.up();
      if (one.at.ended()) continue;
      uint32_t caller = one.at.node();
      if (callers_[caller] == 0) seen.push_back(caller);
      callers_[caller] = wrapping_sum(callers_[caller], one.value);
      if (callers_[caller] == 0) callers_[caller] = 1;  // a sum that wrapped; it stays in `seen` once
    }
    for (uint32_t caller : seen)
      if (!best || callers_[caller] > callers_[*best]) best = caller;
    for (uint32_t caller : seen) callers_[caller] = 0;
    if (best)
      charges.erase(std::remove_if(charges.begin(), charges.end(),
                                   [&](const Charge& one) { return one.at.ended() || one.at.node() != *best; }),
                    charges.end());
    return best;
  }

  const Pprof& profile_;
  FunctionTable table_;
  size_t type_ = 0;
  NodeWeights weights_;
  std::vector<RuntimeWork> works_;  // by node
  std::vector<int64_t> charged_;    // by node
  std::vector<int64_t> callers_;    // by node, 0 between two steps
  ProfileDigest digest_;
};

}  // namespace

std::string_view to_string(ProfileKind kind) {
  constexpr std::array<std::string_view, 8> kWords{"cpu",   "heap",  "allocs",       "goroutine",
                                                   "mutex", "block", "threadcreate", "other"};
  return kWords.at(static_cast<size_t>(kind));
}

ProfileKind profile_kind(std::string_view name, const Pprof& profile) {
  auto has = [&](std::string_view type) {
    return std::any_of(profile.sample_types.begin(), profile.sample_types.end(),
                       [&](const PprofValueType& one) { return profile.strings[one.type] == type; });
  };
  if (has("cpu")) return ProfileKind::kCpu;
  if (has("inuse_space")) return name.starts_with("allocs") ? ProfileKind::kAllocs : ProfileKind::kHeap;
  if (has("alloc_space") || has("allocations")) return ProfileKind::kAllocs;
  if (has("contentions")) return name.starts_with("mutex") ? ProfileKind::kMutex : ProfileKind::kBlock;
  if (has("goroutine")) return ProfileKind::kGoroutine;
  if (has("threadcreate")) return ProfileKind::kThreadCreate;
  return ProfileKind::kOther;
}

double share(const ProfileDigest& digest, int64_t value) {
  return digest.total > 0 ? static_cast<double>(value) / static_cast<double>(digest.total) : 0;
}

const DigestTotal* total_of(const ProfileDigest& digest, std::string_view type) {
  for (const DigestTotal& total : digest.totals)
    if (total.type == type) return &total;
  return nullptr;
}

ProfileDigest digest_profile(ProfileKind kind, const Pprof& profile) { return Digester(kind, profile).run(); }

}  // namespace ec
