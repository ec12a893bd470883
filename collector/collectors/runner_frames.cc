#include "collector/collectors/runner_frames.h"

#include <algorithm>

#include "collector/base/bytes.h"

namespace ec {

namespace {

struct Head {
  uint8_t kind, status, redact, unused;
  uint32_t step;
  int64_t at_ns, took_ns;
  int32_t error_code, sys_errno;
};

void put(std::string& out, std::string_view text) {
  auto length = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out.append(text);
}

int64_t steady_ns(Clock::time_point at) {
  return std::chrono::duration_cast<nanoseconds>(at.time_since_epoch()).count();
}

}  // namespace

std::string encode(const Message& m) {
  Head head{static_cast<uint8_t>(m.kind),
            static_cast<uint8_t>(m.status),
            static_cast<uint8_t>(m.redact),
            0,
            m.step,
            m.at_ns,
            m.took_ns,
            m.error_code,
            m.sys_errno};
  std::string frame;
  frame.reserve(sizeof head + m.path.size() + m.name.size() + m.reason.size() + m.fix.size() + m.bytes.size() + 20);
  frame.append(reinterpret_cast<const char*>(&head), sizeof head);
  for (std::string_view text : {m.path, m.name, m.reason, m.fix, m.bytes}) put(frame, text);
  return frame;
}

std::optional<Message> decode(std::string_view frame) {
  ByteCursor cursor(frame);
  auto head = cursor.read<Head>();
  if (!head || head->kind > static_cast<uint8_t>(Message::Kind::kEnd) ||
      head->status > static_cast<uint8_t>(Status::kSkipped) || head->redact > static_cast<uint8_t>(Redact::kNothing))
    return std::nullopt;
  Message m;
  m.kind = static_cast<Message::Kind>(head->kind);
  m.status = static_cast<Status>(head->status);
  m.redact = static_cast<Redact>(head->redact);
  m.step = head->step;
  m.at_ns = head->at_ns;
  m.took_ns = head->took_ns;
  m.error_code = head->error_code;
  m.sys_errno = head->sys_errno;
  for (std::string_view* text : {&m.path, &m.name, &m.reason, &m.fix, &m.bytes}) {
    auto length = cursor.read<uint32_t>();
    auto taken = length ? cursor.take(*length) : std::nullopt;
    if (!taken) return std::nullopt;
    *text = *taken;
  }
  return m;
}

void MessageSink::send(Message message) {
  auto now = Clock::now();
  message.step = step_;
  message.at_ns = steady_ns(now);
  message.took_ns = std::chrono::duration_cast<nanoseconds>(now - touched_).count();
  emit(encode(message));
}

void MessageSink::touch(std::string_view, bool) { touched_ = Clock::now(); }

void HelperSink::begin() {
  send(Message{.kind = Message::Kind::kBegin});
  writer_.flush();
}

void HelperSink::end() {
  send(Message{.kind = Message::Kind::kEnd});
  writer_.flush();
}

void HelperSink::touch(std::string_view what, bool risky) {
  MessageSink::touch(what, risky);
  // The first character tells the runner whether a long stay here is a hang.
  std::string noted;
  noted.reserve(what.size() + 1);
  noted += risky ? '!' : ' ';
  noted += what;
  writer_.touch(noted, risky);
}

bool HelperSink::hung_before(std::string_view what) const {
  return std::find(hung_.begin(), hung_.end(), what) != hung_.end();
}

void MessageSink::artifact(std::string_view path, std::string_view source, std::string_view bytes, Redact redact) {
  send(Message{.kind = Message::Kind::kArtifact, .redact = redact, .path = path, .name = source, .bytes = bytes});
}

void MessageSink::partial(std::string_view path, std::string_view source, std::string_view bytes,
                          std::string_view reason, Redact redact) {
  send(Message{.kind = Message::Kind::kArtifact,
               .status = Status::kPartial,
               .redact = redact,
               .path = path,
               .name = source,
               .reason = reason,
               .bytes = bytes});
}

void MessageSink::failed(std::string_view path, std::string_view source, const Error& error, std::string_view fix) {
  Status status = Status::kFailed;
  if (error.code == ErrorCode::kTimeout) status = Status::kTimeout;
  // What this kernel does not have is not missing: nobody could have collected it.
  if (error.code == ErrorCode::kSkipped || error.code == ErrorCode::kUnsupported) status = Status::kSkipped;
  std::string reason = error.message();
  send(Message{.kind = Message::Kind::kArtifact,
               .status = status,
               .path = path,
               .name = source,
               .reason = reason,
               .fix = fix,
               .error_code = static_cast<int32_t>(error.code),
               .sys_errno = error.sys_errno});
}

void MessageSink::section(std::string_view bundle_path, std::string_view name, std::string_view bytes) {
  send(Message{.kind = Message::Kind::kSection, .path = bundle_path, .name = name, .bytes = bytes});
}

void MessageSink::failed_section(std::string_view bundle_path, std::string_view name, const Error& error) {
  send(Message{.kind = Message::Kind::kFailedSection,
               .path = bundle_path,
               .name = name,
               .reason = error.detail,
               .error_code = static_cast<int32_t>(error.code),
               .sys_errno = error.sys_errno});
}

}  // namespace ec
