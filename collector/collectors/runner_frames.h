// What helpers tell the runner: checked, length-prefixed messages. The helper read hostile bytes and may be damaged, so
// the decoder trusts nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/base/helper_process.h"
#include "collector/collectors/collector.h"

namespace ec {

struct Message {
  enum class Kind : uint8_t { kBegin, kArtifact, kSection, kFailedSection, kEnd } kind = Kind::kBegin;
  uint32_t step = 0;  // index into the helper's list of steps
  Status status = Status::kOk;
  Redact redact = Redact::kAuto;
  int64_t at_ns = 0;        // steady clock
  int64_t took_ns = 0;      // since the touch before it
  std::string_view path{};  // artifact or bundle
  std::string_view name{};  // section; artifact: source
  std::string_view reason{}, fix{};
  std::string_view bytes{};
  int32_t error_code = 0, sys_errno = 0;
};

std::string encode(const Message& message);
// Views point into `frame`. Nothing when the frame is damaged.
std::optional<Message> decode(std::string_view frame);

// Turns the calls of a gather() into messages.
class MessageSink : public Sink {
 public:
  explicit MessageSink(uint32_t step) : step_(step), touched_(Clock::now()) {}

  void touch(std::string_view what, bool risky) override;
  bool hung_before(std::string_view) const override { return false; }
  void artifact(std::string_view path, std::string_view source, std::string_view bytes, Redact redact) override;
  void partial(std::string_view path, std::string_view source, std::string_view bytes, std::string_view reason,
               Redact redact) override;
  void failed(std::string_view path, std::string_view source, const Error& error, std::string_view fix) override;
  void section(std::string_view bundle_path, std::string_view name, std::string_view bytes) override;
  void failed_section(std::string_view bundle_path, std::string_view name, const Error& error) override;

 protected:
  void send(Message message);

 private:
  virtual void emit(std::string frame) = 0;

  uint32_t step_;
  Clock::time_point touched_;
};

// In a helper process: messages go to the runner's pipe.
class HelperSink : public MessageSink {
 public:
  HelperSink(FrameWriter& writer, uint32_t step, const std::vector<std::string>& hung)
      : MessageSink(step), writer_(writer), hung_(hung) {}

  void begin();
  void end();
  void touch(std::string_view what, bool risky) override;
  bool hung_before(std::string_view what) const override;

 private:
  void emit(std::string frame) override { writer_.frame(frame); }

  FrameWriter& writer_;
  const std::vector<std::string>& hung_;
};

// Without a helper: messages are kept until they are asked for.
class LocalSink : public MessageSink {
 public:
  using MessageSink::MessageSink;
  const std::vector<std::string>& frames() const { return frames_; }

 private:
  void emit(std::string frame) override { frames_.push_back(std::move(frame)); }

  std::vector<std::string> frames_;
};

}  // namespace ec
