#pragma once

#include "kafka/handles.hpp"

#include <fairlead/config.hpp>

#include <cstddef>
#include <string>

namespace fairlead::kafka {

/// Below 2.2, librdkafka stops fetching for up to a second when its local queue is full, however soon it is emptied
/// (librdkafka #1377, #2879). Its broker threads look again whenever they are woken, and new credentials wake them:
/// setting the ones they have does nothing else. From 2.2 on `fetch.queue.backoff.ms` makes this unnecessary.
class FetchWaker {
 public:
  FetchWaker(rd_kafka_t* handle, rd_kafka_queue_t* messages, NativeOptions const& options);

  /// After messages were taken: wakes the fetchers when a queue that was full has become half empty.
  void look(std::size_t average_bytes);

 private:
  rd_kafka_t* handle_;
  rd_kafka_queue_t* messages_;
  std::string user_;
  std::string password_;
  std::size_t full_messages_ = 0;
  std::size_t full_bytes_ = 0;
  bool needed_;
  bool was_full_ = false;
};

}  // namespace fairlead::kafka
