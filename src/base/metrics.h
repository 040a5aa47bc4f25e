#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

namespace pollbus {

// Returns the counter or gauge with this name and these labels, and creates it at the first call.
// It lives as long as the registry. Names end in their unit, those of counters in _total
// (https://prometheus.io/docs/practices/naming/). Thread-safe.
inline prometheus::Counter& counter(prometheus::Registry& metrics, const std::string& name,
                                    const std::string& help,
                                    const prometheus::Labels& labels = {}) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(metrics).Add(labels);
}

inline prometheus::Gauge& gauge(prometheus::Registry& metrics, const std::string& name,
                                const std::string& help, const prometheus::Labels& labels = {}) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(metrics).Add(labels);
}

// The counter of votes with this outcome. Machines, loggers and recorders share its name.
inline prometheus::Counter& votes_counter(prometheus::Registry& metrics,
                                          const std::string& outcome) {
  return counter(metrics, "pollbus_votes_total", "Votes by outcome", {{"outcome", outcome}});
}

}  // namespace pollbus
