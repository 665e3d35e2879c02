# The libraries Fairlead is built on. Installed beside the package configuration, which uses the same list: a static
# Fairlead needs them again when the application links.
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
if(FAIRLEAD_WITH_KAFKA)
  # Debian's librdkafka has no CMake package, only rdkafka.pc.
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka>=1.9)
endif()
if(FAIRLEAD_WITH_AMQP)
  find_package(OpenSSL REQUIRED)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq>=0.11)
endif()
