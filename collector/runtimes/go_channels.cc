#include "collector/runtimes/go_channels.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ec {

namespace {

constexpr size_t kMostStackBytes = size_t{64} << 20;
constexpr size_t kBatch = 512;

// runtime.hchan of all versions so far: qcount, dataqsiz, buf, elemsize.
struct ChannelHead {
  uint64_t count, capacity, buffer;
  uint16_t element_bytes;
};

bool in_channel(const GoroutineRecord& record, const GoProgram& program) {
  if (record.status != kGoWaiting || record.waiting == 0 || record.wait_reason >= program.wait_reasons.size())
    return false;
  std::string_view reason = program.wait_reasons[record.wait_reason];
  return reason == "chan receive" || reason == "chan send";
}

class ChannelReader {
 public:
  ChannelReader(const GoProgram& program, RuntimeMemory& memory, const ReadGoroutines& read, const Deadline& deadline)
      : program_(program), memory_(memory), read_(read), deadline_(deadline) {}

  GoChannels run() {
    if (read_.left_out > 0) return {};
    for (const ReadGoroutine& each : read_.goroutines) {
      if (deadline_.passed()) return {};
      if (in_channel(each.record, program_)) take(each.record);
    }
    if (channels_.empty() || !search_stacks()) return {};
    for (auto& [id, channel] : channels_) {
      const Seen& seen = seen_.at(channel.address);
      // Each waiter is one that has it, and is not another one for itself.
      channel.others = seen.holders - (seen.holders > 0 ? 1 : 0);
    }
    return std::move(channels_);
  }

 private:
  struct Seen {
    uint32_t holders = 0;  // goroutines that wait for it or have it on their stacks
    uint64_t last = 0;     // the goroutine that was counted last, by its address
  };

  void take(const GoroutineRecord& record) {
    auto owner = memory_.at<uint64_t>(record.waiting);
    auto link = memory_.at<uint64_t>(record.waiting + program_.layout.sudog_link);
    auto channel = memory_.at<uint64_t>(record.waiting + program_.layout.sudog_channel);
    if (!owner || *owner != record.address || !link || *link != 0 || !channel || *channel == 0) return;
    auto head = memory_.at<ChannelHead>(*channel);
    if (!head || head->count > head->capacity) return;
    channels_[record.id] = {*channel, head->element_bytes, 0};
    seen_[*channel];
    waits_for_[record.address] = *channel;
  }

  // What of its stack is in use; all of it when that is not known.
  static RuntimeMemory::Span stack_of(const GoroutineRecord& record) {
    bool saved = record.sp >= record.stack_begin && record.sp < record.stack_end && record.status != kGoRunning;
    uint64_t begin = (saved ? record.sp : record.stack_begin) & ~uint64_t{7};
    return {begin, nullptr, static_cast<size_t>(record.stack_end - begin), 0};
  }

  bool search_stacks() {
    size_t all = 0;
    for (const ReadGoroutine& each : read_.goroutines) {
      size_t size = stack_of(each.record).size;
      if (size > kMostStackBytes - all) return false;
      all += size;
    }
    for (size_t begin = 0; begin < read_.goroutines.size(); begin += kBatch) {
      if (deadline_.passed()) return false;
      search(begin, std::min(begin + kBatch, read_.goroutines.size()));
    }
    return true;
  }

  void search(size_t begin, size_t end) {
    std::vector<RuntimeMemory::Span> spans;
    size_t size = 0;
    for (size_t i = begin; i < end; ++i) size += (spans.emplace_back(stack_of(read_.goroutines[i].record))).size;
    std::string bytes(size, '\0');
    size_t at = 0;
    for (RuntimeMemory::Span& span : spans) {
      span.destination = bytes.data() + at;
      at += span.size;
    }
    memory_.read_all(spans);
    at = 0;
    for (size_t i = begin; i < end; ++i) {
      const RuntimeMemory::Span& span = spans[i - begin];
      uint64_t owner = read_.goroutines[i].record.address;
      if (auto waits = waits_for_.find(owner); waits != waits_for_.end()) count(waits->second, owner);
      for (size_t word = 0; word + 8 <= span.copied; word += 8) {
        uint64_t value;
        std::memcpy(&value, bytes.data() + at + word, sizeof value);
        count(value, owner);
      }
      at += span.size;
    }
  }

  void count(uint64_t value, uint64_t owner) {
    auto found = seen_.find(value);
    if (found == seen_.end() || found->second.last == owner) return;
    found->second.last = owner;
    ++found->second.holders;
  }

  const GoProgram& program_;
  RuntimeMemory& memory_;
  const ReadGoroutines& read_;
  const Deadline& deadline_;
  GoChannels channels_;
  std::unordered_map<uint64_t, Seen> seen_;           // by address of the channel
  std::unordered_map<uint64_t, uint64_t> waits_for_;  // goroutine → channel, by address
};

}  // namespace

GoChannels read_channels(const GoProgram& program, RuntimeMemory& memory, const ReadGoroutines& read,
                         const Deadline& deadline) {
  return ChannelReader(program, memory, read, deadline).run();
}

}  // namespace ec
