#pragma once

namespace fairlead::kafka {

/// librdkafka's way to a socket: one of ours, on which the kernel notices a peer that has gone without a word within 20
/// seconds, whether we wait for it to take a request or, idle, for its answer. A request that may wait long, such as
/// the one to join a group, is else noticed by its own time-out alone. Never throws; -1 and errno as socket(2).
int open_socket(int domain, int type, int protocol, void* opaque) noexcept;

}  // namespace fairlead::kafka
