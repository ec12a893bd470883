// Names and lines of addresses in one file, as `symbolize --exe` prints them.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <string>

#include "collector/base/unique_fd.h"
#include "collector/cli/options.h"
#include "symbolize/symbolizer.h"

namespace ec {

class SymbolizeAnswers {
 public:
  // `request` outlives it.
  SymbolizeAnswers(const SymbolizeRequest& request, UniqueFd file, DebugPlaces places);
  // Prints the answers in this order. Many are sorted first and shared by two threads.
  void answer(std::span<const uint64_t> addresses);

 private:
  class Worker;
  // Where the answer is in the text that a worker prepared; null: it is not there.
  struct Place {
    const Worker* worker = nullptr;
    size_t begin = 0, end = 0;
  };
  class Worker {
   public:
    Worker(const SymbolizeRequest& request, int file, DebugPlaces places);
    void write(uint64_t address, std::string& out);
    // Of the addresses in this order, one place for each of `addresses`.
    void prepare(std::span<const uint64_t> addresses, std::span<const uint32_t> order, std::span<Place> places);
    const std::string& text() const { return text_; }

   private:
    const SymbolizeRequest* request_;
    Symbolizer symbolizer_;
    uint32_t module_ = 0;
    std::string text_;
  };
  void answer_batch(std::span<const uint64_t> addresses);
  void flush();

  const SymbolizeRequest& request_;
  UniqueFd file_;
  DebugPlaces places_;
  std::list<Worker> workers_;
  uint64_t boundary_ = 0;  // from here on the second one answers
  std::string out_;
};

}  // namespace ec
