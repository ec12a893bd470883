// Typed members of the raw JSON artifacts that collectors store and parse again. An archive may come from anywhere:
// what is missing, of another type or out of range is nothing, and only its reader knows whether that is an error.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ec {

// All accept any value as `object`; one that is no object has no members.
std::string text_of(const nlohmann::json& object, const char* key);
uint64_t whole_of(const nlohmann::json& object, const char* key);  // 0 for a negative or fractional number
int64_t signed_of(const nlohmann::json& object, const char* key);  // the nearest that fits
int int_of(const nlohmann::json& object, const char* key);         // the nearest that fits
double number_of(const nlohmann::json& object, const char* key);
bool flag_of(const nlohmann::json& object, const char* key);
uint64_t hex_of(const nlohmann::json& object, const char* key);  // "0x1f"
uint64_t hex_value(const nlohmann::json& value);
// Empty ones when there is none; valid as long as `object`.
const nlohmann::json& list_of(const nlohmann::json& object, const char* key);
const nlohmann::json& object_of(const nlohmann::json& object, const char* key);

}  // namespace ec
