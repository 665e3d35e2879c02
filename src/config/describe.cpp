#include "config/describe.hpp"

#include "config/broker_url.hpp"
#include "config/load.hpp"
#include "config/plan.hpp"
#include "config/secrets.hpp"

namespace fairlead {
namespace {

/// Visits the keys of a configuration and writes them as YAML.
class Writer {
 public:
  Writer(Origins const& origins, std::string& out, std::string path = "", int depth = 0)
      : origins_(origins), out_(out), path_(std::move(path)), depth_(depth) {}

  template <class T>
  void value(std::string const& key, T const& value) {
    line(key, format_value(value));
  }
  void value(std::string const& key, std::string const& value) {
    bool const is_broker_url = path_.empty() && key == "broker";
    line(key, format_value(is_secret_name(key) ? "***" : is_broker_url ? redacted_url(value) : value));
  }
  template <class T>
  void values(std::string const& key, std::map<std::string, T, std::less<>>& map) {
    if (map.empty()) return;
    header(key);
    Writer inner(origins_, out_, path_of(key), depth_ + 1);
    for (auto& [name, each] : map) inner.value(name, each);
  }
  void options(std::string const& key, NativeOptions& map) { values(key, map); }
  template <class T>
  void list(std::string const& key, std::vector<T>& values) {
    if (values.empty()) return;
    std::string joined;
    for (auto const& text : values) joined += (joined.empty() ? "" : ", ") + format_value(text);
    line(key, "[" + joined + "]");
  }
  void lists(std::string const& key, std::map<std::string, std::vector<std::string>, std::less<>>& map) {
    if (map.empty()) return;
    header(key);
    Writer inner(origins_, out_, path_of(key), depth_ + 1);
    for (auto& [name, texts] : map) inner.list(name, texts);
  }
  template <class T>
  void object(std::string const& key, T& each) {
    header(key);
    Writer inner(origins_, out_, path_of(key), depth_ + 1);
    visit_keys(inner, each);
  }
  template <class T>
  void entries(std::string const& key, std::map<std::string, T, std::less<>>& map) {
    if (map.empty()) return;
    header(key);
    Writer inner(origins_, out_, path_of(key), depth_ + 1);
    for (auto& [name, each] : map) inner.object(name, each);
  }
  void later(char const*) {}

 private:
  void header(std::string const& key) { out_ += indent() + key + ":\n"; }
  void line(std::string const& key, std::string const& shown) {
    std::string text = indent() + key + ": " + shown;
    if (text.size() < 44) text.resize(44, ' ');
    auto const origin = origins_.find(path_of(key));
    out_ += text + "  # " + (origin != origins_.end() ? origin->second : "default") + "\n";
  }
  [[nodiscard]] std::string indent() const { return std::string(static_cast<std::size_t>(depth_) * 2, ' '); }
  [[nodiscard]] std::string path_of(std::string const& key) const { return path_.empty() ? key : path_ + "." + key; }

  Origins const& origins_;
  std::string& out_;
  std::string path_;
  int depth_;
};

std::string or_name(std::string const& given, std::string const& name) { return given.empty() ? name : given; }

std::string on_kafka(DestinationPlan const& plan) {
  std::string text = "  topic " + or_name(plan.config.kafka.topic, plan.name) + ", " +
                     std::to_string(plan.config.partitions) + " partition(s), murmur2 of the key\n";
  for (auto const& group : plan.groups) {
    text += "  group " + group.name + ": consumer group " + group.name;
    if (group.dead_letter) text += ", dead letters in topic " + dead_letter_name(plan.name, group.name);
    text += "\n";
  }
  return text;
}

std::string on_amqp(DestinationPlan const& plan) {
  auto const& amqp = plan.config.amqp;
  std::string text = "  durable " + format_value(amqp.type) + " exchange " + or_name(amqp.exchange, plan.name);
  if (plan.config.partitions > 1) text += ", murmur2 partition number as last word of the routing key";
  text += "\n";
  for (auto const& group : plan.groups) {
    std::string const queue = plan.name + "." + group.name;
    text += "  group " + group.name + ": " + format_value(amqp.queue_type) + " queue ";
    text += plan.config.partitions > 1 ? queue + ".0 to " + queue + "." + std::to_string(plan.config.partitions - 1)
                                       : queue;
    if (group.ordering != Ordering::kNone) text += ", single active consumer";
    if (!group.bindings.empty()) {
      text += ", bound to";
      for (auto const& pattern : group.bindings) text += " " + format_value(pattern);
    }
    if (group.dead_letter) text += ", dead letters in queue " + dead_letter_name(plan.name, group.name);
    text += "\n";
  }
  if (plan.groups.empty()) text += "  no group is configured: a publish is unroutable until one is declared\n";
  return text;
}

std::string on_memory(DestinationPlan const& plan) {
  std::string text = "  log " + plan.name + ", " + std::to_string(plan.config.partitions) + " partition(s)\n";
  for (auto const& group : plan.groups) {
    text += "  group " + group.name + ": cursor";
    if (group.dead_letter) text += ", dead letters in log " + dead_letter_name(plan.name, group.name);
    text += "\n";
  }
  return text;
}

}  // namespace

Result<std::string> describe_config(std::string const& path) {
  auto const text = read_config_file(path);
  if (!text) return text.error();
  auto loaded = load_with_origins(*text, path);
  if (!loaded) return std::move(loaded).error();
  auto const url = parse_broker_url(loaded->config.broker);
  if (!url) return url.error();

  std::string out;
  Writer writer(loaded->origins, out);
  visit_keys(writer, loaded->config);
  out += "\n# On " + redacted_url(loaded->config.broker) + " this becomes:\n";
  for (auto const& [name, unused] : loaded->config.destinations) {
    auto const plan = plan_destination(loaded->config, name);
    if (!plan) return plan.error();
    std::string what;
    switch (url->scheme) {
      case BrokerUrl::Scheme::kMemory: what = on_memory(*plan); break;
      case BrokerUrl::Scheme::kKafka:
      case BrokerUrl::Scheme::kKafkas: what = on_kafka(*plan); break;
      case BrokerUrl::Scheme::kAmqp:
      case BrokerUrl::Scheme::kAmqps: what = on_amqp(*plan); break;
    }
    out += "# " + name + "\n";
    for (std::size_t at = 0; at < what.size();) {
      std::size_t const end = what.find('\n', at);
      out += "#" + what.substr(at, end - at) + "\n";
      at = end + 1;
    }
  }
  return out;
}

}  // namespace fairlead
