#include "config/describe.hpp"
#include "security/secured.hpp"
#include "security/tls_server.hpp"
#include "support/child_process.hpp"
#include "support/silent_server.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

// A secret goes in by every way there is, everything goes wrong, and all that comes out is searched for it.
namespace fairlead::security {
namespace {

constexpr char const* kCanary = "c4n4ry-7f3e91d2";

class Secrets : public Secured {
 protected:
  void SetUp() override {
    Secured::SetUp();
    ::setenv("CANARY", kCanary, 1);
    std::ofstream(path("password")) << kCanary << '\n';
  }
  ~Secrets() override {
    ::unsetenv("CANARY");
    for (auto const* const name : {"password", "config.yaml", "log", "cli"}) std::remove(path(name).c_str());
  }
  [[nodiscard]] std::string path(std::string const& name) const { return folder_of_test_ + name; }

  /// Everything that was said so far: errors, what a logger was handed, and the library's own log file.
  std::string output_;
  void expect_silent(std::string_view what) {
    for (auto const& entry : log_->all()) {
      output_ += entry.text + '\n';
      for (auto const& [name, value] : entry.fields) output_ += name + '=' + value + '\n';
    }
    std::ifstream file(path("log"));
    std::stringstream text;
    text << file.rdbuf();
    output_ += text.str();
    auto const at = output_.find(kCanary);
    EXPECT_EQ(at, std::string::npos) << what << ": ..." << output_.substr(at > 200 ? at - 200 : 0, 400);
    EXPECT_GT(output_.size(), 100u) << what << ": nothing was said at all";
  }

  /// Opens and, where that works, publishes; with the test's logger and then with the library's own, at trace.
  void use(Config made) {
    made.connection.connect_timeout = 600ms;
    made.publish.deadline = 1s;
    made.log.level = LogLevel::kTrace;
    made.log.format = LogFormat::kJson;
    made.log.file = path("log");
    for (auto const& logger : {std::static_pointer_cast<Logger>(log_), std::shared_ptr<Logger>()}) {
      auto opened = Broker::open(made, {.logger = logger, .credentials = provider_});
      if (!opened) {
        output_ += opened.error().message + '\n';
        continue;
      }
      auto publisher = (*opened)->publisher(destination_);
      output_ += publisher ? "" : publisher.error().message + '\n';
      if (!publisher) continue;
      auto const published = publisher->publish("m");
      output_ += published ? "" : published.error().message + '\n';
    }
  }
  CredentialsProvider provider_;

 private:
  std::string const folder_of_test_ = testing::TempDir() + unique_name("secrets") + "-";
};

TEST_F(Secrets, OfUrlsAndPropertiesStayInside) {
  auto const kafka = address("KAFKA_BOOTSTRAP_SASL_PLAIN");
  auto const kafka_tls_port = address("KAFKA_BOOTSTRAP_SASL_SSL");
  auto const amqp = address("AMQP_ADDRESSES");
  std::string const canary = kCanary;
  test::SilentServer const garbage("HTTP/1.1 400 Bad Request\r\n\r\n");
  for (auto const& where : {amqp, address("AMQPS_ADDRESSES"), garbage.address(), std::string("no-such-host.invalid")}) {
    for (auto const* const scheme : {"amqp://", "amqps://"}) {
      use(config(scheme + ("guest:" + canary) + "@" + where + "/"));
    }
  }
  std::string const debug = "security,broker,protocol,metadata,feature";
  for (auto const& where : {kafka, kafka_tls_port, garbage.address()}) {
    for (auto const* const scheme : {"kafka://", "kafkas://"}) {
      auto made = config(scheme + ("alice:" + canary) + "@" + where);
      made.kafka.conf["debug"] = debug;
      use(made);
      made.broker = scheme + where + "?security.protocol=sasl_plaintext&sasl.username=alice&sasl.password=" + canary;
      use(made);
      if (where != kafka) continue;
      for (auto const& [name, value] : NativeOptions{{"sasl.password", canary},
                                                     {"ssl.key.password", canary},
                                                     {"ssl.key.pem", canary},
                                                     {"ssl.keystore.password", canary},
                                                     {"sasl.oauthbearer.client.secret", canary},
                                                     {"sasl.oauthbearer.config", "principal=" + canary + "x y"}}) {
        auto with = config(scheme + where);
        with.kafka.conf = {{"debug", debug}, {name, value}};
        use(with);
        with.kafka.conf["sasl.mechanisms"] = "OAUTHBEARER";
        with.kafka.conf["security.protocol"] = "sasl_plaintext";
        use(with);
      }
    }
  }
  expect_silent("URLs and properties");
}

TEST_F(Secrets, OfFilesAndProvidersStayInside) {
  std::vector<Config> made{config("amqp://guest@" + address("AMQP_ADDRESSES") + "/"),
                           config("kafka://alice@" + address("KAFKA_BOOTSTRAP_SASL_PLAIN"))};
  made.push_back(made.back());
  made.back().kafka.conf["sasl.mechanisms"] = "OAUTHBEARER";
  for (auto& each : made) {
    if (each.broker.starts_with("kafka")) each.kafka.conf["debug"] = "security,broker,protocol";
    each.connection.password_file = path("password");
    provider_ = nullptr;
    use(each);
    for (int const kind : {0, 1, 2}) {
      provider_ = [kind]() -> Result<Credentials> {
        if (kind == 1) throw std::runtime_error(std::string("password=") + kCanary);
        if (kind == 2) return Error{Errc::kInternal, std::string("amqp://me:") + kCanary + "@vault"};
        return Credentials{.user = "alice", .password = Secret(kCanary)};
      };
      use(each);
    }
  }
  expect_silent("files and providers");
}

TEST_F(Secrets, OfDocumentsStayInside) {
  std::string const canary = kCanary;
  for (auto const& text : std::vector<std::string>{
           "broker: amqp://u:${CANARY}@h/\n", "broker: amqp://u:" + canary + "@h:no-port/\n",
           "broker: amqp://u:" + canary + "@x@h/\n", "broker: kafka://h?sasl.password=" + canary + "\n",
           "broker: carrier-pigeon://u:" + canary + "@h\n",
           "broker: kafka://u:${CANARY}@h?ssl.key.password=${CANARY}\n",
           "broker: memory://m\nkafka: {conf: {sasl.password: '${CANARY}', ssl.key.pem: " + canary + "}}\n",
           "broker: memory://m\npublish: {deadline: '${CANARY}'}\n",
           "broker: memory://m\nkafka: {conf: {sasl.password: [" + canary + "]}}\n",
           "broker: \"amqp://u:" + canary + "@h\nunclosed", "broker: amqp://u:${CANARY@h/\n",
           "broker: memory://m\nsubscriptions: {s: {destination: d, group: g, idempotency: {store: 'redis://u:" +
               canary + "@h/99x'}}}\ndestinations: {d: {}}\n"}) {
    std::ofstream(path("config.yaml")) << text;
    auto const loaded = load_config(path("config.yaml"));
    if (loaded) {
      use(*loaded);
    } else {
      output_ += loaded.error().message + '\n';
    }
    auto const described = describe_config(path("config.yaml"));
    output_ += (described ? *described : described.error().message) + '\n';
  }
  expect_silent("documents");
}

TEST_F(Secrets, OfTheCommandStayInside) {
  std::string const canary = kCanary;
  for (auto const& broker :
       {"amqp://u:" + canary + "@" + address("AMQP_ADDRESSES") + "/",
        "kafka://u:" + canary + "@" + address("KAFKA_BOOTSTRAP_SASL_PLAIN"), "amqp://u:" + canary + "@h:99999/"}) {
    std::ofstream(path("config.yaml")) << "broker: " << broker << "\ndestinations: {d: {}}\n"
                                       << "connection: {connect_timeout: 2s}\nlog: {level: trace}\n"
                                       << "kafka: {conf: {sasl.oauthbearer.client.secret: " << canary << "}}\n";
    for (std::string const arguments : {"config check \"$0\"", "publish --verbose --config \"$0\" d </dev/null",
                                        "declare --verbose --config \"$0\" d", "declare --verbose --url \"$1\" d",
                                        "declare \"$1\" \"$1\"", "\"$1\""}) {
      test::ChildProcess child(
          {"/bin/sh", "-c", FAIRLEAD_COMMAND " " + arguments + " 2>&1", path("config.yaml"), broker});
      (void)child.wait(30s);
      for (auto const& line : child.lines()) output_ += line + '\n';
    }
  }
  expect_silent("the command");
}

}  // namespace
}  // namespace fairlead::security
