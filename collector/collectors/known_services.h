// Services that speak no HTTP, and what a person asks them instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ec {

// The name of a service that a GET would only annoy, by TCP port or process name; "" = none.
std::string_view known_service(uint16_t port);
std::string_view known_product(std::string_view comm);

// A command that tells what the service is busy with, to be typed by a person who may know its password: "redis-cli
// -p 6379 …". `port` 0: its usual one. "" = none is known.
std::string question_for(std::string_view service, uint16_t port);

}  // namespace ec
