#include "publish/publish_log.hpp"

#include "observe/logging.hpp"
#include "observe/trace.hpp"

#include <fairlead/logger.hpp>
#include <fairlead/publisher.hpp>

namespace fairlead {

void PublishLog::ended(Result<Receipt> const& result) noexcept {
  LogFields fields;
  fields.add(log_field::kTraceId, trace_id_of(traceparent_))
      .add(log_field::kDestination, destination_)
      .add(log_field::kMessageId, id_)
      .add(log_field::kKey, key_)
      .add(log_field::kDuration, std::chrono::steady_clock::now() - began_)
      .add(log_field::kResult, to_string(publish_status(result)));
  if (!result) {
    fields.add(result.error());
  } else if (result->position >= 0) {
    fields.add(log_field::kPartition, std::int64_t{result->partition}).add(log_field::kPosition, result->position);
  }
  log(*logger_, LogLevel::kDebug, kLogger, "published", fields.view());
}

}  // namespace fairlead
