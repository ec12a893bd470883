// What a series of samples says of each thread: does it move, and where is it most of the time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/snapshot/snapshot.h"

namespace ec {

struct ThreadTrack {
  int tid = 0;
  uint64_t seen = 0;       // samples with a stack of it
  uint64_t different = 0;  // stacks among them
  uint32_t usual = 0;      // the most frequent one, of SampleSeries::stacks
  uint64_t usual_seen = 0;
  double cpu_cores = 0;  // between its first and its last sample
  bool ran = false;      // its CPU time changed
  // One stack in every sample of the series, and it never ran.
  bool stuck(const SampleSeries& series) const;
};

// By tid. Threads without any stack are left out.
std::vector<ThreadTrack> tracks_of(const SampleSeries& series);

// "10 samples in 9.0 s: 12 of 15 threads never moved, 1 ran all the time in spin()"; "" without a series.
std::string series_sentence(const Snapshot& snapshot);

}  // namespace ec
