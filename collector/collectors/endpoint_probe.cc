#include "collector/collectors/endpoint_probe.h"

#include <algorithm>

#include "collector/base/text.h"
#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/expvar.h"

namespace ec {

namespace {

constexpr int kMostRedirects = 2;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// The path of a redirect that stays on the server; "" when it leads elsewhere.
std::string local_redirect(const HttpAddress& address, const std::string& location) {
  std::string_view rest = location;
  std::string own = url_of(address, "");
  if (address.unix_path.empty() && rest.starts_with(own) && rest.size() > own.size() && rest[own.size()] == '/')
    rest.remove_prefix(own.size());
  if (!rest.starts_with('/') || rest.starts_with("//")) return {};
  for (char c : rest)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return {};
  return std::string(rest);
}

std::string_view trim_slashes(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

void note_answer(const HttpAddress& address, const HttpAnswer& answer, EndpointRecord& record) {
  record.http_status = answer.status;
  record.server = answer.server;
  record.probe_ms = answer.took_ms;
  if (is_redirect(answer.status) && !answer.location.empty()) {
    record.error = fmt::format("{} to {}, not followed{}", status_words(answer), printable_line(answer.location, 200),
                               local_redirect(address, answer.location).empty()
                                   ? ""
                                   : fmt::format(": it was the redirect number {}", kMostRedirects + 1));
  } else if (answer.status == 400 && answer.body.find("HTTP request to an HTTPS server") != std::string::npos) {
    record.error = status_words(answer);
    record.fix = fmt::format("--endpoint https://HOST:{}/ with the name in its certificate", address.port);
  } else if (answer.status == 401 || answer.status == 403) {
    record.error = status_words(answer);
    record.fix = "--bearer-file FILE, --header 'NAME: VALUE', or --endpoint URL with user:password@";
  } else if (!answer.content_encoding.empty()) {
    record.error = encoding_words(answer);
  } else if (answer.broken) {
    record.error = answer.broken->message();
  }
}

class Prober {
 public:
  Prober(const HttpAddress& address, bool patient, Deadline until) : patient_(patient), until_(until) {
    probed_.address = address;
  }

  void usual_places(const std::string& prefix, bool light) {
    for (const EndpointKind& kind : endpoint_kinds()) {
      bool first = &kind == &endpoint_kinds().front();
      if (kind.transport != Transport::kHttp || (light && !kind.light)) continue;
      if (!first && (!first_ || !kind.worth_asking(*first_))) continue;
      if (!ask(kind, prefix, first) && first) return;
    }
  }

  // A program may serve the page of a kind under a path of its own. Only kinds whose page says what it is.
  void own_page(const std::string& path) {
    if (path.empty() || path == "/" || !probed_.kinds.empty() || !first_) return;
    std::string asked = path;
    HttpLimits limits = probe_limits(patient_, until_);
    limits.body_bytes = size_t{16} << 20;
    auto answer = get_with_redirects(probed_.address, asked, limits);
    if (!answer) return;
    for (const EndpointKind& kind : endpoint_kinds()) {
      bool tells = kind.list || kind.recognise == is_metrics || kind.recognise == is_expvar;
      if (!tells || !kind.recognise(*answer)) continue;
      std::string base = asked;
      if (kind.list && !base.ends_with('/')) base += '/';
      note_answer(probed_.address, *answer, probed_.record);
      return recognised(kind, asked, base, std::move(*answer));
    }
  }

  // No request tells without doing what it asks for: its URL does.
  void named_by_url(const EndpointKind& kind, const std::string& prefix) {
    if (!probed_.kinds.empty() || !first_) return;
    HttpAnswer none;
    none.at = Clock::now();
    probed_.kinds.push_back({&kind, "", prefix + std::string(kind.base), std::move(none)});
  }

  ProbedEndpoint take() {
    EndpointRecord& record = probed_.record;
    for (const RecognisedKind& one : probed_.kinds) record.kinds.push_back(std::string(one.kind->name));
    if (!probed_.kinds.empty()) {
      record.error.clear();
      record.fix.clear();
      record.http_status = 200;
    } else {
      record.kinds.push_back(first_ ? "http" : "none");
    }
    return std::move(probed_);
  }

 private:
  // False when nothing that speaks HTTP answered.
  bool ask(const EndpointKind& kind, const std::string& prefix, bool first) {
    std::string path = prefix + std::string(kind.probe);
    HttpLimits limits = probe_limits(patient_, until_);
    limits.body_bytes = kind.probe_bytes;
    auto answer = get_with_redirects(probed_.address, path, limits, {}, kind.accept);
    if (!answer) {
      if (first) probed_.record.error = answer.error().message();
      if (first && answer.error().code == ErrorCode::kDenied && probed_.address.tls)
        probed_.record.fix = "--ca FILE with the authority that signed it";
      return false;
    }
    if (first) note_answer(probed_.address, *answer, probed_.record);
    bool is_it = kind.recognise(*answer);
    if (first) {
      first_ = *answer;
      if (!is_it) first_->body.resize(std::min<size_t>(first_->body.size(), 4096));
    }
    if (!is_it) return true;
    recognised(kind, path, kind.base.empty() ? path : prefix + std::string(kind.base), std::move(*answer));
    return true;
  }

  void recognised(const EndpointKind& kind, const std::string& path, const std::string& base, HttpAnswer answer) {
    figures(kind, answer);
    if (!kind.note.empty()) probed_.record.note = kind.note;
    probed_.kinds.push_back({&kind, path, base, std::move(answer)});
  }

  // What the probe alone tells of the runtime.
  void figures(const EndpointKind& kind, const HttpAnswer& answer) {
    std::optional<GoRuntime>& go = probed_.record.go;
    uint64_t goroutines = go ? go->goroutines : 0;
    if (kind.recognise == is_pprof_index) {
      for (const ListedProfile& profile : kind.list(answer.body))
        if (profile.name == "goroutine") goroutines = profile.count;
      if (!go && goroutines > 0) go.emplace();
    }
    if (kind.recognise == is_expvar)
      if (auto variables = parse_expvar(kind.probe, answer.body); variables && variables->memstats)
        go = runtime_of(*variables->memstats);
    if (go) go->goroutines = goroutines;
  }

  bool patient_;
  Deadline until_;
  ProbedEndpoint probed_;
  std::optional<HttpAnswer> first_;
};

}  // namespace

Result<HttpAnswer> get_with_redirects(const HttpAddress& address, std::string& path, const HttpLimits& limits,
                                      const BodyCheck& check, std::string_view media_type) {
  for (int hops = 0;; ++hops) {
    auto answer = http_get(address, path, limits, check, media_type);
    if (!answer || !is_redirect(answer->status) || hops == kMostRedirects) return answer;
    std::string next = local_redirect(address, answer->location);
    if (next.empty()) return answer;
    path = next;
  }
}

HttpLimits probe_limits(bool patient, Deadline until) {
  HttpLimits limits;
  if (patient)
    limits = {milliseconds(2000), milliseconds(3000), milliseconds(2000), milliseconds(5000)};
  else
    limits = {milliseconds(300), milliseconds(700), milliseconds(700), milliseconds(1500)};
  milliseconds left(until.remaining_ms());
  limits.total = std::min(limits.total, left);
  limits.first_byte = std::min(limits.first_byte, left);
  return limits;
}

std::string encoding_words(const HttpAnswer& answer) {
  return fmt::format("answers with Content-Encoding: {}, which was not asked for", answer.content_encoding);
}

std::string status_words(const HttpAnswer& answer) {
  std::string_view line = trim(answer.body);
  line = line.substr(0, line.find('\n'));
  bool plain = answer.content_type.empty() || answer.content_type.starts_with("text/plain");
  bool text = plain && !line.empty() && line.front() != '<' && line.front() != '{';
  std::string words = text ? printable_line(line, 200) : answer.reason, status = std::to_string(answer.status);
  if (words.empty() || words.starts_with(status)) return words.empty() ? status : words;  // "404 page not found"
  return fmt::format("{} {}", status, words);
}

ProbedEndpoint probe_endpoint(const HttpAddress& address, bool light, bool patient, Deadline until) {
  Prober prober(address, patient, until);
  prober.usual_places("", light);
  ProbedEndpoint probed = prober.take();
  probed.record.url = url_of(address, "");
  return probed;
}

ProbedEndpoint probe_url(const EndpointUrl& url, bool light, Deadline until) {
  std::string prefix = url.path;
  const EndpointKind* named = nullptr;
  while (prefix.ends_with('/')) prefix.pop_back();
  for (const EndpointKind& kind : endpoint_kinds()) {
    std::string_view probe = kind.probe;
    while (probe.ends_with('/')) probe.remove_suffix(1);
    if (probe.empty() || !prefix.ends_with(probe)) continue;
    prefix.resize(prefix.size() - probe.size());
    if (kind.by_url_only) named = &kind;
  }
  bool whole = trim_slashes(url.path) == prefix;
  Prober prober(url.address, true, until);
  prober.usual_places(prefix, light);
  if (named) prober.named_by_url(*named, prefix);
  if (whole) prober.own_page(url.path);
  ProbedEndpoint probed = prober.take();
  probed.record.url = url_of(url.address, prefix);
  probed.prefix = prefix;
  return probed;
}

}  // namespace ec
