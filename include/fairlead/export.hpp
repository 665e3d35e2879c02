#pragma once

/// Marks what the shared library exports; everything else has hidden visibility.
#if defined(__GNUC__) && !defined(_WIN32)
#define FAIRLEAD_EXPORT __attribute__((visibility("default")))
#else
#define FAIRLEAD_EXPORT
#endif
