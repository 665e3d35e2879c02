#pragma once

#include <fairlead/config.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// How the values of a configuration are written. Each `parse` answers with what the text should have been, such as
// "true or false", or with nothing; each `format` gives the text that parses back.
namespace fairlead {

using Complaint = std::optional<std::string>;

Complaint parse_value(std::string_view text, std::string& out);
Complaint parse_value(std::string_view text, bool& out);
Complaint parse_value(std::string_view text, int& out);
Complaint parse_value(std::string_view text, double& out);
Complaint parse_value(std::string_view text, std::size_t& out);  // a size: 512KiB, 32MiB, 1000000
Complaint parse_value(std::string_view text, std::chrono::milliseconds& out);
Complaint parse_value(std::string_view text, std::chrono::seconds& out);
FAIRLEAD_EXPORT Complaint parse_value(std::string_view text, Rate& out);
Complaint parse_value(std::string_view text, Ordering& out);
Complaint parse_value(std::string_view text, StartFrom& out);
Complaint parse_value(std::string_view text, OnOutage& out);
Complaint parse_value(std::string_view text, OnUnconfirmed& out);
Complaint parse_value(std::string_view text, ExchangeType& out);
Complaint parse_value(std::string_view text, QueueType& out);
Complaint parse_value(std::string_view text, Compression& out);
Complaint parse_value(std::string_view text, LogLevel& out);
Complaint parse_value(std::string_view text, LogFormat& out);

std::string format_value(std::string const& value);
std::string format_value(bool value);
std::string format_value(int value);
std::string format_value(double value);
std::string format_value(std::size_t value);
std::string format_value(std::chrono::milliseconds value);
std::string format_value(std::chrono::seconds value);
std::string format_value(Rate value);
std::string format_value(Ordering value);
std::string format_value(StartFrom value);
std::string format_value(OnOutage value);
std::string format_value(OnUnconfirmed value);
std::string format_value(ExchangeType value);
std::string format_value(QueueType value);
std::string format_value(Compression value);
std::string format_value(LogLevel value);
std::string format_value(LogFormat value);

}  // namespace fairlead
