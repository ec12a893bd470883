// What a debug endpoint, an archive or a user gives to the endpoint collectors; the first byte chooses the parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/collectors/endpoint.h"
#include "collector/collectors/endpoint_gops.h"
#include "collector/collectors/endpoint_kinds.h"
#include "collector/collectors/endpoint_metrics.h"
#include "collector/collectors/endpoint_recognise.h"
#include "collector/collectors/endpoint_record.h"
#include "collector/collectors/endpoint_singles.h"
#include "collector/collectors/endpoint_url.h"
#include "collector/collectors/expvar.h"
#include "tests/support/raw_stores.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      for (const auto& profile : ec::parse_pprof_index(text))
        if (profile.path.find("..") != std::string::npos && profile.path.find("/.") != std::string::npos) std::abort();
      break;
    case 1:
      (void)ec::parse_expvar("input", text);
      break;
    case 2:
      if (auto records = ec::parse_endpoint_records("input", text))
        if (!ec::parse_endpoint_records("again", ec::to_json(*records))) std::abort();
      break;
    case 3:
      if (auto url = ec::parse_endpoint_url(text)) {
        (void)url->text();
        if (ec::folder_name(url->address).find('/') != std::string::npos) std::abort();
      }
      break;
    case 4: {
      for (const auto& link : ec::parse_actuator_links(text))
        if (link.path.find('/') != std::string::npos) std::abort();
      ec::HttpAnswer answer;
      answer.status = 200;
      answer.body = text;
      for (const ec::EndpointKind& kind : ec::endpoint_kinds()) {
        kind.recognise(answer);
        if (kind.worth_asking) kind.worth_asking(answer);
      }
      break;
    }
    case 7:
      (void)ec::words_of_single_values(text);
      for (const auto& path : ec::metrics_worth_asking(text))
        if (path.find('/') != std::string::npos) std::abort();
      break;
    case 5: {
      ec::GoRuntime go;
      ec::add_gops_figures(text, go);
      (void)ec::read_metrics("input", text.substr(0, text.size() / 2), text.substr(text.size() / 2), 1);
      break;
    }
    default: {
      ec::RawStore store;
      ec::test::put(store, "raw/endpoint.json", text);
      ec::Snapshot snapshot;
      ec::parse_endpoints(store, snapshot);
    }
  }
  return 0;
}
