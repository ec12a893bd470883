#include "collector/collectors/endpoint.h"

#include <signal.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "collector/base/text.h"
#include "collector/collectors/endpoint_discovery.h"
#include "collector/collectors/endpoint_gauges.h"
#include "collector/collectors/endpoint_gops.h"
#include "collector/collectors/endpoint_probe.h"
#include "collector/collectors/endpoint_pull.h"
#include "collector/collectors/endpoint_record.h"
#include "collector/collectors/jvm_gate.h"
#include "collector/collectors/process_files.h"
#include "collector/proc/pid_status.h"
#include "collector/target/obstacles.h"

namespace ec {

namespace {

constexpr size_t kMostListeners = 48;
constexpr milliseconds kMargin{250};  // before our deadline: time to store what was found

// What is done with the endpoints of one network namespace, in order of likelihood, before the next is entered.
using Visit = std::function<void(std::vector<ProbedEndpoint>&)>;

enum class Depth { kLight, kAll };  // which kinds are asked for

// A connection to it would wait in its queue, and be answered to nobody when it goes on.
std::string why_it_cannot_answer(const TargetIdentity& target) {
  std::string file = live_directory(target) + "/status";
  auto text = read_file(file);
  auto status = text ? parse_pid_status(file, *text) : tl::unexpected(text.error());
  return status ? why_jvm_cannot_answer(status->state, cgroup_frozen(target.pid)) : "";
}

class Survey {
 public:
  Survey(GatherContext& ctx, Deadline until, Depth depth, Visit visit)
      : ctx_(ctx), until_(until), light_(depth == Depth::kLight), visit_(std::move(visit)) {}

  EndpointRecords run() {
    bool automatic = false;
    std::vector<EndpointUrl> urls;
    for (const std::string& option : ctx_.options.endpoints) {
      if (option == "auto")
        automatic = true;
      else if (option != "none")
        add_url(option, urls);
    }
    // An address that a person gave means what it means to that person: our network first, the target's if nobody
    // answers.
    std::vector<ProbedEndpoint> here, there;
    std::vector<EndpointUrl> again;
    for (const EndpointUrl& url : urls) {
      ProbedEndpoint probed = ask_url(url);
      if (probed.record.http_status == 0 && ctx_.target)
        again.push_back(url);
      else
        here.push_back(std::move(probed));
    }
    finish(here);
    if (automatic && !ctx_.target) records_.error = "no target process whose sockets could be asked";
    if (!ctx_.target || (!automatic && again.empty())) return std::move(records_);

    auto entered = enter_network_of(*ctx_.target);
    for (const EndpointUrl& url : again) there.push_back(ask_url(url));
    if (automatic) ask_listeners(entered, there);
    finish(there);
    return std::move(records_);
  }

 private:
  void add_url(const std::string& option, std::vector<EndpointUrl>& urls) {
    auto url = parse_endpoint_url(option);
    if (url) {
      url->address.access = ctx_.options.access;
      urls.push_back(std::move(*url));
      return;
    }
    EndpointRecord record;
    record.kinds = {"none"};
    record.error = url.error().message();
    records_.endpoints.push_back(std::move(record));
  }

  ProbedEndpoint ask_url(const EndpointUrl& url) {
    // The look-up of a name is the one step without a deadline of ours: the runner watches it.
    std::string look_up = "look-up of " + url.address.name();
    if (ctx_.out.hung_before(look_up)) {
      ProbedEndpoint probed;
      probed.record.url = url.text();
      probed.record.kinds = {"none"};
      probed.record.error = look_up + " hung";
      return probed;
    }
    bool numeric = url.address.host.find_first_not_of("0123456789.:abcdefABCDEF") == std::string::npos;
    if (!numeric) {
      ctx_.out.touch(look_up, true);
      resolve_once(url.address);
    }
    ctx_.out.touch("GET " + url.text());
    ProbedEndpoint probed = probe_url(url, light_, until_);
    if (probed.record.http_status != 0) answered_.insert(url.address.name());
    return probed;
  }

  void ask_listeners(const Result<void>& entered, std::vector<ProbedEndpoint>& out) {
    ctx_.out.touch(fmt::format("/proc/{}/fd and /proc/{}/net", ctx_.target->pid, ctx_.target->pid));
    auto listeners = discover_endpoints(*ctx_.target, ctx_.fd_links, entered.has_value());
    if (!listeners) {
      records_.error = listeners.error().message();
      records_.fix = fix_for(listeners.error(), "/proc/PID/fd");
      return;
    }
    size_t asked = 0;
    const std::string still = why_it_cannot_answer(*ctx_.target);
    auto gops = light_ ? std::nullopt : gops_port(*ctx_.target);
    for (const EndpointListener& listener : *listeners) {
      if (answered_.contains(listener.address.name())) continue;
      EndpointRecord refused;
      refused.url = url_of(listener.address, "");
      refused.kinds = {"none"};
      refused.error = listener.not_asked;
      refused.note = listener.note;
      if (refused.error.empty() && !still.empty()) refused.error = fmt::format("not queried: {}", still);
      if (refused.error.empty() && asked >= kMostListeners)
        refused.error = fmt::format("not asked: more than {} listeners", kMostListeners);
      if (refused.error.empty() && until_.remaining_ms() < 20) refused.error = "not asked: no time was left";
      bool by_path = listener.address.unix_path.starts_with('/');
      if (refused.error.empty() && !entered && !by_path) {
        refused.error = entered.error().message();
        refused.fix = fix_for(entered.error(), "the network namespace of the target");
      }
      if (!refused.error.empty()) {
        out.push_back({listener.address, {}, std::move(refused), ""});
        continue;
      }
      ++asked;
      if (gops && listener.address.port == *gops && listener.address.host == "127.0.0.1") {
        out.push_back(gops_agent(listener.address));
        continue;
      }
      ctx_.out.touch("GET " + url_of(listener.address, "/"));
      ProbedEndpoint probed = probe_endpoint(listener.address, light_, patience_ > 0, until_);
      if (probed.record.http_status == 0) --patience_;
      out.push_back(std::move(probed));
    }
  }

  // Its port is told by a file of the target: no request is needed to know it.
  static ProbedEndpoint gops_agent(const HttpAddress& address) {
    const EndpointKind& kind = *endpoint_kind("gops");
    ProbedEndpoint probed;
    probed.address = address;
    probed.kinds.push_back({&kind, "", std::string(kind.base), {}});
    probed.record.url = "gops://" + address.name();
    probed.record.kinds = {std::string(kind.name)};
    return probed;
  }

  void finish(std::vector<ProbedEndpoint>& probed) {
    visit_(probed);
    for (ProbedEndpoint& one : probed) records_.endpoints.push_back(std::move(one.record));
  }

  GatherContext& ctx_;
  Deadline until_;
  bool light_;
  // A service in trouble answers late. What never answers, because it speaks something else, is waited for that long
  // only so often.
  int patience_ = light_ ? 0 : 2;
  Visit visit_;
  EndpointRecords records_;
  std::set<std::string> answered_;  // addresses that a URL named
};

// All listeners of one process show the same runtime: one of them is pulled.
class PullOnce {
 public:
  PullOnce(GatherContext& ctx, Deadline until) : ctx_(ctx), until_(until) {}

  void operator()(std::vector<ProbedEndpoint>& endpoints) {
    for (ProbedEndpoint& probed : endpoints) {
      if (probed.kinds.empty()) continue;
      std::string kinds;
      for (const auto& kind : probed.record.kinds) kinds += kind + " ";
      auto [first, fresh] = first_of_.try_emplace(kinds, probed.record.url);
      if (!fresh && ctx_.options.endpoints == std::vector<std::string>{"auto"}) {
        probed.record.note = "not pulled: the same process was asked at " + first->second;
        continue;
      }
      std::string folder = "profiles/" + folder_name(probed.address);
      for (int i = 2; !folders_.insert(folder).second; ++i)
        folder = fmt::format("profiles/{}_{}", folder_name(probed.address), i);
      probed.record.folder = folder;
      pull_endpoint(ctx_, probed, until_);
      remember_for_gauges(probed);
    }
  }

 private:
  GatherContext& ctx_;
  Deadline until_;
  std::map<std::string, std::string> first_of_;
  std::set<std::string> folders_;
};

bool switched_off(const RunOptions& options) {
  return std::all_of(options.endpoints.begin(), options.endpoints.end(),
                     [](const auto& option) { return option == "none"; });
}

// Endpoints that were asked for by name and gave nothing, in their own words; "" when there is none.
std::string unanswered(const EndpointRecords& records, const std::vector<std::string>& options) {
  bool named = std::any_of(options.begin(), options.end(),
                           [](const std::string& option) { return option != "auto" && option != "none"; });
  bool automatic = std::find(options.begin(), options.end(), "auto") != options.end();
  std::string text;
  if (!named || automatic) return text;
  for (const EndpointRecord& record : records.endpoints) {
    std::string reason = record.error;
    if (reason.empty() && record.kinds == std::vector<std::string>{"http"})
      reason = fmt::format("{} answers {}, but with nothing that is known here", record.url, record.http_status);
    if (!reason.empty()) text += (text.empty() ? "" : "; ") + reason;
  }
  return text;
}

EndpointRecords survey(GatherContext& ctx, Deadline until, Depth depth, const Visit& visit) {
  // OpenSSL writes with write(2): a server that hangs up must not end us.
  auto before = ::signal(SIGPIPE, SIG_IGN);
  EndpointRecords records = Survey(ctx, until, depth, visit).run();
  ::signal(SIGPIPE, before);
  return records;
}

// Nothing is kept.
class NoSink : public Sink {
 public:
  void touch(std::string_view, bool) override {}
  void artifact(std::string_view, std::string_view, std::string_view, Redact) override {}
  void partial(std::string_view, std::string_view, std::string_view, std::string_view, Redact) override {}
  void failed(std::string_view, std::string_view, const Error&, std::string_view) override {}
  void section(std::string_view, std::string_view, std::string_view) override {}
  void failed_section(std::string_view, std::string_view, const Error&) override {}
  bool hung_before(std::string_view) const override { return false; }
};

void gather(GatherContext& ctx, const char* artifact, Depth depth, const Visit& visit, Deadline until) {
  constexpr std::string_view kSource = "listening sockets of the target, GET";
  if (switched_off(ctx.options)) {
    ctx.out.failed(artifact, kSource, Error{ErrorCode::kSkipped, "", "--endpoint none", 0}, "--endpoint auto");
    return;
  }
  EndpointRecords records = survey(ctx, until, depth, visit);
  ctx.out.touch(kSource);
  // What was asked for by name and gave nothing is missing; a listener that speaks no HTTP is not.
  std::string missing = unanswered(records, ctx.options.endpoints);
  if (missing.empty())
    ctx.out.artifact(artifact, kSource, to_json(records), Redact::kJson);
  else
    ctx.out.partial(artifact, kSource, to_json(records), missing, Redact::kJson);
}

}  // namespace

EndpointRecords find_endpoints(const TargetIdentity& target, const RunOptions& options, Deadline until) {
  NoSink nowhere;
  GatherContext ctx{.target = &target, .options = options, .deadline = until, .hung = {}, .out = nowhere};
  return survey(ctx, until, Depth::kAll, [](std::vector<ProbedEndpoint>&) {});
}

void gather_runtime(GatherContext& ctx) {
  Deadline until(ctx.deadline.at() - std::min<milliseconds>(kMargin, milliseconds(ctx.deadline.remaining_ms() / 4)));
  gather(
      ctx, "raw/runtime.json", Depth::kLight, [](std::vector<ProbedEndpoint>&) {}, until);
}

void gather_endpoint(GatherContext& ctx) {
  Deadline until(ctx.deadline.at() - kMargin);
  PullOnce pull(ctx, until);
  gather(ctx, "raw/endpoint.json", Depth::kAll, std::ref(pull), until);
}

}  // namespace ec
