#include "collector/collectors/json_members.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"

namespace ec {

using nlohmann::json;

namespace {

const json& member(const json& object, const char* key) {
  static const json kNothing;
  auto found = object.find(key);  // end() for what is no object
  return found != object.end() ? *found : kNothing;
}

}  // namespace

std::string text_of(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

uint64_t whole_of(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

int64_t signed_of(const json& object, const char* key) {
  const json& value = member(object, key);
  if (value.is_number_unsigned())
    return static_cast<int64_t>(std::min<uint64_t>(value.get<uint64_t>(), uint64_t{INT64_MAX}));
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

int int_of(const json& object, const char* key) {
  return static_cast<int>(std::clamp<int64_t>(signed_of(object, key), INT32_MIN, INT32_MAX));
}

double number_of(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

bool flag_of(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

uint64_t hex_value(const json& value) {
  if (!value.is_string()) return 0;
  const auto& text = value.get_ref<const std::string&>();
  return text.starts_with("0x") ? parse_number<uint64_t>(std::string_view(text).substr(2), 16).value_or(0) : 0;
}

uint64_t hex_of(const json& object, const char* key) { return hex_value(member(object, key)); }

const json& list_of(const json& object, const char* key) {
  static const json kEmpty = json::array();
  const json& value = member(object, key);
  return value.is_array() ? value : kEmpty;
}

const json& object_of(const json& object, const char* key) {
  static const json kEmpty = json::object();
  const json& value = member(object, key);
  return value.is_object() ? value : kEmpty;
}

}  // namespace ec
