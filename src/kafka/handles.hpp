#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

// librdkafka's objects with their owners. A single one that is not released makes rd_kafka_destroy wait for ever.
namespace fairlead::kafka {

template <auto Destroy>
struct DestroyWith {
  template <class T>
  void operator()(T* object) const noexcept {
    Destroy(object);
  }
};

using ConfPtr = std::unique_ptr<rd_kafka_conf_t, DestroyWith<rd_kafka_conf_destroy>>;
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, DestroyWith<rd_kafka_topic_destroy>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, DestroyWith<rd_kafka_queue_destroy>>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, DestroyWith<rd_kafka_event_destroy>>;
using HeadersPtr = std::unique_ptr<rd_kafka_headers_t, DestroyWith<rd_kafka_headers_destroy>>;
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, DestroyWith<rd_kafka_error_destroy>>;
using PartitionListPtr =
    std::unique_ptr<rd_kafka_topic_partition_list_t, DestroyWith<rd_kafka_topic_partition_list_destroy>>;
using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, DestroyWith<rd_kafka_NewTopic_destroy>>;
using AdminOptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, DestroyWith<rd_kafka_AdminOptions_destroy>>;
using MetadataPtr = std::unique_ptr<rd_kafka_metadata_t const, DestroyWith<rd_kafka_metadata_destroy>>;

}  // namespace fairlead::kafka
