#include "collector/profile/pprof_strings.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "collector/profile/pprof.h"

namespace ec {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// Fields of Profile, Sample and Label.
constexpr uint32_t kSample = 2, kStringTable = 6, kPeriodType = 11, kComment = 13, kLastKnown = 15;
constexpr uint32_t kSampleLabel = 3;
constexpr uint32_t kLabelKey = 1, kLabelText = 2;

struct Broken {};

bool has_bytes(const pbf_reader& reader) { return reader.wire_type() == pbf_wire_type::length_delimited; }

std::string_view bytes_of(pbf_reader& reader) {
  if (!has_bytes(reader)) throw Broken{};
  auto bytes = reader.get_view();
  return {bytes.data(), bytes.size()};
}

int64_t number(pbf_reader& reader) {
  if (reader.wire_type() != pbf_wire_type::varint) throw Broken{};
  return reader.get_int64();
}

// Calls `each` in front of every field; it must read it or leave it.
template <class Each>
void each_field(std::string_view message, Each each) {
  pbf_reader reader(message.data(), message.size());
  while (reader.next()) each(reader);
}

// The labels of a sample: `each` gets the bytes of one.
template <class Each>
void each_label(std::string_view sample, Each each) {
  each_field(sample, [&](pbf_reader& field) {
    if (field.tag() == kSampleLabel)
      each(bytes_of(field));
    else
      field.skip();
  });
}

// String indices behind the fields `tag` of a label.
template <class Each>
void each_index(std::string_view label, uint32_t tag, Each each) {
  each_field(label, [&](pbf_reader& field) {
    if (field.tag() == tag)
      each(number(field));
    else
      field.skip();
  });
}

// proto3 packs repeated numbers; writers that do not are legal too.
template <class Each>
void each_comment(pbf_reader& reader, Each each) {
  if (has_bytes(reader))
    for (int64_t index : reader.get_packed_int64()) each(index);
  else
    each(number(reader));
}

class Rewriter {
 public:
  Rewriter(std::string_view bytes, bool cut, const PprofStringRules& rules) : bytes_(bytes), rules_(rules), cut_(cut) {}

  PprofRewrite run() {
    survey();
    gather_uses();
    return {end_, rewritten()};
  }

 private:
  // Counts the strings, sorts them as keys, and finds out how far the bytes are a profile.
  void survey() {
    pbf_reader reader(bytes_.data(), bytes_.size());
    try {
      while (reader.next()) {
        check(reader);
        end_ = bytes_.size() - reader.length();
      }
    } catch (const protozero::exception&) {
      cut_ = true;
    } catch (const Broken&) {
      cut_ = true;
    }
    // Who writes samples in front of the strings has written all of them then.
    for (PprofStringUse& use : uses_) use.unknown = cut_ && !samples_first_;
  }

  void check(pbf_reader& reader) {
    uint32_t tag = reader.tag();
    if (tag == kStringTable) {
      std::string_view text = bytes_of(reader);
      if (uses_.empty()) samples_first_ = samples_;
      if (uses_.size() >= kMostPprofRows) throw Broken{};
      uses_.emplace_back();
      classes_.push_back(rules_.label_class(text));
    } else if (tag == kSample) {
      samples_ = true;
      if (!uses_.empty()) samples_first_ = false;
      each_label(bytes_of(reader), [](std::string_view label) {
        each_index(label, kLabelKey, [](int64_t) {});
        each_index(label, kLabelText, [](int64_t) {});
      });
    } else if (tag == kComment) {
      each_comment(reader, [](int64_t) {});
    } else if (tag < kStringTable || tag == kPeriodType) {
      each_field(bytes_of(reader), [](pbf_reader& field) { field.skip(); });
    } else {
      reader.skip();
    }
  }

  // From here on only what survey() has read without a problem is read again.
  void gather_uses() {
    each_field(bytes_.substr(0, end_), [&](pbf_reader& reader) {
      if (reader.tag() == kSample)
        each_label(bytes_of(reader), [&](std::string_view bytes) { label(bytes); });
      else if (reader.tag() == kComment)
        each_comment(reader, [&](int64_t index) {
          if (in_table(index)) uses_[static_cast<size_t>(index)].comment = true;
        });
      else
        reader.skip();
    });
  }

  // A field may occur twice, in any order: each value goes by all of the keys.
  void label(std::string_view label) {
    uint8_t classes = 0;
    bool unknown = false;
    each_index(label, kLabelKey, [&](int64_t index) {
      if (in_table(index))
        classes = static_cast<uint8_t>(classes | classes_[static_cast<size_t>(index)]);
      else
        unknown = true;
    });
    if (classes == 0 && !unknown) return;
    each_index(label, kLabelText, [&](int64_t index) {
      if (!in_table(index)) return;
      PprofStringUse& use = uses_[static_cast<size_t>(index)];
      use.label_classes = static_cast<uint8_t>(use.label_classes | classes);
      use.unknown = use.unknown || unknown;
    });
  }

  bool in_table(int64_t index) const { return index >= 0 && static_cast<uint64_t>(index) < uses_.size(); }

  std::optional<std::string> rewritten() const {
    std::string_view whole = bytes_.substr(0, end_);
    std::string out;
    size_t copied = 0, begin = 0, string = 0;
    each_field(whole, [&](pbf_reader& reader) {
      uint32_t tag = reader.tag();
      std::optional<std::string> text;
      if (tag == kStringTable) {
        text = new_text(bytes_of(reader), uses_[string++]);
      } else if (tag > kLastKnown && has_bytes(reader)) {
        text = new_text(bytes_of(reader), {});
      } else {
        reader.skip();
      }
      size_t field_end = whole.size() - reader.length();
      if (text) {
        out += whole.substr(copied, begin - copied);
        protozero::pbf_writer(out).add_string(tag, *text);
        copied = field_end;
      }
      begin = field_end;
    });
    if (copied == 0) return std::nullopt;
    out += whole.substr(copied);
    return out;
  }

  std::optional<std::string> new_text(std::string_view text, const PprofStringUse& use) const {
    if (text.empty()) return std::nullopt;
    return rules_.text(text, use);
  }

  std::string_view bytes_;
  const PprofStringRules& rules_;
  bool cut_;
  bool samples_ = false;        // there is one
  bool samples_first_ = false;  // there are, and none of them behind a string
  size_t end_ = 0;
  std::vector<PprofStringUse> uses_;  // one for each string, as the next
  std::vector<uint8_t> classes_;
};

}  // namespace

PprofRewrite rewrite_pprof_strings(std::string_view bytes, bool cut, const PprofStringRules& rules) {
  return Rewriter(bytes, cut, rules).run();
}

}  // namespace ec
