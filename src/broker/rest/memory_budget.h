#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace pollbus::broker {

// Memory that all connections share. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes) : left_(static_cast<std::int64_t>(bytes)) {}
  bool take(std::size_t bytes) {
    const auto wanted = static_cast<std::int64_t>(bytes);
    if (left_.fetch_sub(wanted) >= wanted) return true;
    left_.fetch_add(wanted);
    return false;
  }
  void give_back(std::size_t bytes) { left_.fetch_add(static_cast<std::int64_t>(bytes)); }

 private:
  std::atomic<std::int64_t> left_;
};

// A part of the budget. Gives it back at the end.
class MemoryShare {
 public:
  explicit MemoryShare(MemoryBudget* budget) : budget_(*budget) {}
  ~MemoryShare() { clear(); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;
  bool grow_to(std::size_t bytes) {
    if (bytes <= bytes_) return true;
    if (!budget_.take(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  void clear() { budget_.give_back(std::exchange(bytes_, 0)); }

 private:
  MemoryBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace pollbus::broker
