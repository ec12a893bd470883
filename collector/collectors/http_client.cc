#include "collector/collectors/http_client.h"

#include <httplib.h>

#include <algorithm>
#include <array>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kLongestStatusLine = 1024;
constexpr size_t kFirstBytes = 16;

// What httplib reads from and writes to. Each read waits at most until the nearest of three deadlines; what is counted
// here bounds the header, which httplib would collect for ever, and the chunk headers of a body.
class GuardedStream : public httplib::Stream {
 public:
  GuardedStream(HttpConnection& connection, std::string where, const HttpLimits& limits, Deadline total)
      : connection_(connection),
        where_(std::move(where)),
        limits_(limits),
        total_(total),
        next_byte_(Deadline::in(limits.first_byte)) {}

  bool is_readable() const override { return !problem_; }
  bool is_writable() const override { return !problem_; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return connection_.fd(); }

  ssize_t read(char* bytes, size_t size) override {
    if (problem_ || (!checked_ && !check_status_line())) return -1;
    std::string_view waiting = status_line_.empty() ? buffered() : std::string_view(status_line_);
    if (waiting.empty()) {
      if (!fill()) return problem_ ? -1 : 0;
      waiting = buffered();
    }
    size_t taken = std::min(size, waiting.size());
    if (!count(taken)) return -1;
    std::copy_n(waiting.data(), taken, bytes);
    if (status_line_.empty())
      begin_ += taken;
    else
      status_line_.erase(0, taken);
    return static_cast<ssize_t>(taken);
  }

  ssize_t write(const char* bytes, size_t size) override {
    auto written = connection_.write({bytes, size}, total_.earlier_of(next_byte_));
    if (!written) return give_up(written.error());
    return static_cast<ssize_t>(size);
  }

  void body_begins() { in_body_ = true; }
  void got_content(size_t bytes) { content_bytes_ += bytes; }
  const std::optional<Error>& problem() const { return problem_; }
  std::optional<Clock::time_point> first_byte_at() const { return first_byte_at_; }

 private:
  ssize_t give_up(Error error) {
    if (!problem_) problem_ = std::move(error);
    return -1;
  }

  std::string_view buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }
  Error malformed(std::string what) const { return {ErrorCode::kMalformed, where_, std::move(what), 0}; }

  // More bytes into the empty buffer. False at the end of the stream and on a problem.
  bool fill() {
    auto got = connection_.read(buffer_.data(), buffer_.size(), total_.earlier_of(next_byte_));
    if (!got) {
      Error error = got.error();
      if (error.code == ErrorCode::kTimeout) error.detail = timeout_words();
      give_up(std::move(error));
      return false;
    }
    begin_ = 0;
    end_ = *got;
    if (*got == 0) return false;
    if (!first_byte_at_) first_byte_at_ = Clock::now();
    next_byte_ = Deadline::in(limits_.idle);
    return true;
  }

  std::string timeout_words() const {
    if (!first_byte_at_)
      return fmt::format("no answer within {} ms", (total_.passed() ? limits_.total : limits_.first_byte).count());
    if (total_.passed()) return fmt::format("not ended after {} ms", limits_.total.count());
    return fmt::format("stopped {} for {} ms", in_body_ ? "in the body" : "in the header", limits_.idle.count());
  }

  // httplib matches the status line with std::regex, which recurses once per character: only a short one gets there.
  bool check_status_line() {
    while (status_line_.size() <= kLongestStatusLine && !status_line_.ends_with('\n')) {
      if (buffered().empty() && !fill()) break;
      status_line_ += buffer_[begin_++];
    }
    if (problem_) return false;
    // 1xx announces another status line, which nobody asked for.
    const std::string& line = status_line_;
    checked_ =
        line.starts_with("HTTP/1.") && line.size() > 12 && line.ends_with('\n') && line[9] >= '2' && line[9] <= '5';
    if (!checked_)
      give_up(malformed(line.empty() ? "closed without an answer"
                                     : fmt::format("not HTTP: '{}'", printable_line(trim(line), 120))));
    return checked_;
  }

  bool count(size_t bytes) {
    size_t& counted = in_body_ ? body_bytes_ : header_bytes_;
    counted += bytes;
    if (!in_body_ && counted > kHttpHeaderLimit) {
      give_up(malformed(fmt::format("header longer than {} KiB", kHttpHeaderLimit / 1024)));
      return false;
    }
    // A chunk of one byte comes with five others.
    if (in_body_ && counted > 8 * content_bytes_ + kHttpHeaderLimit) {
      give_up(malformed("more chunk headers than content"));
      return false;
    }
    return true;
  }

  HttpConnection& connection_;
  std::string where_;
  const HttpLimits& limits_;
  Deadline total_, next_byte_;
  std::array<char, 16 * 1024> buffer_;
  size_t begin_ = 0, end_ = 0;
  size_t header_bytes_ = 0, body_bytes_ = 0, content_bytes_ = 0;  // content: body without chunk headers
  bool checked_ = false, in_body_ = false;
  std::optional<Clock::time_point> first_byte_at_;
  std::optional<Error> problem_;
  std::string status_line_;  // what of it was not read yet
};

// httplib's HTTP without its sockets.
class HttpExchange : public httplib::ClientImpl {
 public:
  HttpExchange() : httplib::ClientImpl("localhost") { set_decompress(false); }
  bool run(httplib::Stream& stream, httplib::Request& request, httplib::Response& response, httplib::Error& error) {
    try {
      return process_request(stream, request, response, true, error);
    } catch (const std::exception&) {  // bad_alloc, regex_error: the answer is not whole
      return false;
    }
  }
};

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

httplib::Request request_for(const HttpAddress& address, const std::string& path, std::string_view media_type) {
  httplib::Request request;
  request.method = "GET";
  request.path = path;
  request.set_header("Host", address.host_header());
  request.set_header("User-Agent", "emergency-collect");
  request.set_header("Accept", media_type.empty() ? "*/*" : std::string(media_type));
  request.set_header("Accept-Encoding", "identity");
  for (const HttpHeader& header : address.access.headers) {
    request.headers.erase(header.name);  // theirs instead of ours
    request.headers.emplace(header.name, header.value);
  }
  if (!address.authorization.empty()) {
    request.headers.erase("Authorization");
    request.headers.emplace("Authorization", address.authorization);
  }
  return request;
}

void copy_head(const httplib::Response& response, HttpAnswer& answer) {
  answer.status = response.status;
  answer.reason = printable_line(response.reason, 200);
  answer.server = printable_line(response.get_header_value("Server"), 200);
  answer.content_type = printable_line(response.get_header_value("Content-Type"), 200);
  answer.content_encoding = printable_line(response.get_header_value("Content-Encoding"), 40);
  if (answer.content_encoding == "identity") answer.content_encoding.clear();
  answer.location = response.get_header_value("Location");
  answer.from_go_pprof = response.has_header("X-Go-Pprof");
}

}  // namespace

Result<HttpAnswer> http_get(const HttpAddress& address, const std::string& path, const HttpLimits& limits,
                            const BodyCheck& check_body, std::string_view media_type) {
  auto started = Clock::now();
  Deadline total = Deadline::in(limits.total);
  auto connection = HttpConnection::open(address, Deadline::in(limits.connect).earlier_of(total));
  if (!connection) return tl::unexpected(connection.error());

  HttpAnswer answer;
  GuardedStream stream(**connection, address.name(), limits, total);
  httplib::Request request = request_for(address, path, media_type);
  bool have_head = false, checked = false;
  std::optional<uint64_t> promised;
  std::string length;  // as the server told it
  request.response_handler = [&](const httplib::Response& response) {
    have_head = true;
    stream.body_begins();
    copy_head(response, answer);
    length = response.get_header_value("Content-Length");
    promised = parse_number<uint64_t>(length);
    return true;
  };
  auto check = [&] {
    checked = true;
    if (check_body && answer.status == 200) answer.broken = check_body(answer.body);
    return !answer.broken;
  };
  request.content_receiver = [&](const char* bytes, size_t size, uint64_t, uint64_t) {
    stream.got_content(size);
    size_t room = limits.body_bytes - answer.body.size();
    answer.body.append(bytes, std::min(size, room));
    if (!checked && answer.body.size() >= kFirstBytes && !check()) return false;
    if (size <= room) return true;
    answer.broken =
        Error{ErrorCode::kTruncated, address.name() + path,
              fmt::format("longer than the limit of {}", human_bytes(static_cast<double>(limits.body_bytes))), 0};
    return false;
  };
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  bool whole = HttpExchange().run(stream, request, response, error);
  auto ended = Clock::now();
  answer.first_byte_ms = ms_between(started, stream.first_byte_at().value_or(ended));
  answer.took_ms = ms_between(started, ended);
  answer.at = stream.first_byte_at().value_or(ended);
  if (!have_head && response.status == 204) {  // httplib does not announce an answer that has no body
    have_head = true;
    copy_head(response, answer);
  }
  if (!have_head) {
    if (stream.problem()) return tl::unexpected(*stream.problem());
    return fail(ErrorCode::kMalformed, address.name(), "ended within the header");
  }
  if (!checked && !answer.broken && (whole || !answer.body.empty())) check();
  if (!whole && !answer.broken) {
    if (stream.problem())
      answer.broken = *stream.problem();
    else if (promised)
      answer.broken = Error{ErrorCode::kTruncated, address.name() + path,
                            fmt::format("ended after {} of {} bytes", answer.body.size(), *promised), 0};
    else if (!length.empty())
      answer.broken = Error{ErrorCode::kMalformed, address.name() + path,
                            fmt::format("expected a length, got Content-Length '{}'", printable_line(length, 40)), 0};
    else
      answer.broken = Error{ErrorCode::kTruncated, address.name() + path, "ended within a chunk", 0};
  }
  return answer;
}

}  // namespace ec
