// Core files made by hand: each test says which notes and which memory they have.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace ec::test {

template <class T>
void put(std::string& bytes, size_t at, T value) {
  if (bytes.size() < at + sizeof value) bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

inline std::string note(uint32_t type, const std::string& content, const std::string& owner = "CORE") {
  Elf64_Nhdr header{static_cast<uint32_t>(owner.size() + 1), static_cast<uint32_t>(content.size()), type};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += owner;
  bytes += '\0';
  while (bytes.size() % 4 != 0) bytes += '\0';
  bytes += content;
  while (bytes.size() % 4 != 0) bytes += '\0';
  return bytes;
}

struct ThreadNote {
  int tid = 42;
  int16_t signal = 11;
  uint64_t rip = 0, rsp = 0, rax = 0, orig_rax = ~uint64_t{0}, rdi = 0, rsi = 0, rbp = 0;
  int ppid = 1;
};
inline std::string prstatus(const ThreadNote& thread) {
  std::string bytes(336, '\0');
  put<int16_t>(bytes, 12, thread.signal);
  put<int32_t>(bytes, 32, thread.tid);
  put<int32_t>(bytes, 36, thread.ppid);
  put<int64_t>(bytes, 48, 2);  // user time: 2.5 s
  put<int64_t>(bytes, 56, 500000);
  auto reg = [&](size_t index, uint64_t value) { put<uint64_t>(bytes, 112 + 8 * index, value); };
  reg(4, thread.rbp);
  reg(10, thread.rax);
  reg(13, thread.rsi);
  reg(14, thread.rdi);
  reg(15, thread.orig_rax);
  reg(16, thread.rip);
  reg(19, thread.rsp);
  return note(NT_PRSTATUS, bytes);
}

inline std::string prpsinfo(int pid, const std::string& comm, const std::string& arguments) {
  std::string bytes(136, '\0');
  bytes[1] = 'R';
  put<uint32_t>(bytes, 16, 1000);
  put<uint32_t>(bytes, 20, 100);
  put<int32_t>(bytes, 24, pid);
  put<int32_t>(bytes, 28, 1);
  bytes.replace(40, comm.size(), comm);
  bytes.replace(56, arguments.size(), arguments);
  return note(NT_PRPSINFO, bytes);
}

inline std::string siginfo(int number, int code, uint64_t address) {
  std::string bytes(128, '\0');
  put<int32_t>(bytes, 0, number);
  put<int32_t>(bytes, 8, code);
  put<uint64_t>(bytes, 16, address);
  return note(NT_SIGINFO, bytes);
}

inline std::string auxv(const std::vector<std::pair<uint64_t, uint64_t>>& entries) {
  std::string bytes;
  for (auto [type, value] : entries) {
    put<uint64_t>(bytes, bytes.size(), type);
    put<uint64_t>(bytes, bytes.size(), value);
  }
  bytes.append(16, '\0');
  return note(NT_AUXV, bytes);
}

struct FileNote {
  uint64_t begin, end, pages;
  std::string path;
};
inline std::string mapped_files(const std::vector<FileNote>& files) {
  std::string bytes;
  put<uint64_t>(bytes, 0, files.size());
  put<uint64_t>(bytes, 8, 4096);
  for (const FileNote& file : files)
    for (uint64_t word : {file.begin, file.end, file.pages}) put<uint64_t>(bytes, bytes.size(), word);
  for (const FileNote& file : files) bytes += file.path + '\0';
  return note(NT_FILE, bytes);
}

struct MemoryPiece {
  uint64_t begin, size;
  uint32_t flags;
  std::string bytes;  // what was written of it
};
inline std::string core_bytes(const std::string& notes, const std::vector<MemoryPiece>& memory) {
  std::string core(64, '\0');
  core.replace(0, 7,
               std::string("\x7f"
                           "ELF\x02\x01\x01",
                           7));
  put<uint16_t>(core, 16, ET_CORE);
  put<uint16_t>(core, 18, EM_X86_64);
  put<uint64_t>(core, 32, 64);
  put<uint16_t>(core, 54, 56);
  put<uint16_t>(core, 56, static_cast<uint16_t>(1 + memory.size()));
  uint64_t offset = 64 + 56 * (1 + memory.size());
  auto segment = [&](uint32_t type, uint32_t flags, uint64_t address, uint64_t file_size, uint64_t size) {
    Elf64_Phdr header{type, flags, offset, address, 0, file_size, size, 1};
    core.append(reinterpret_cast<const char*>(&header), sizeof header);
    offset += file_size;
  };
  segment(PT_NOTE, 0, 0, notes.size(), 0);
  for (const MemoryPiece& piece : memory) segment(PT_LOAD, piece.flags, piece.begin, piece.bytes.size(), piece.size);
  core += notes;
  for (const MemoryPiece& piece : memory) core += piece.bytes;
  return core;
}

}  // namespace ec::test
