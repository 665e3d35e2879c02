# Warnings and sanitizers for what is built here; never exported to users of the package.
add_library(fairlead_compiler INTERFACE)
target_compile_options(fairlead_compiler INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                   -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in "text" + std::string (GCC bug 105651).
  target_compile_options(fairlead_compiler INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND FAIRLEAD_SANITIZE)
  # What the sanitizers add makes GCC doubt variables of <regex> and <functional>.
  target_compile_options(fairlead_compiler INTERFACE -Wno-maybe-uninitialized)
endif()
if(FAIRLEAD_WERROR)
  target_compile_options(fairlead_compiler INTERFACE -Werror)
endif()
if(FAIRLEAD_SANITIZE)
  list(JOIN FAIRLEAD_SANITIZE "," sanitizers)
  # Global on purpose: a sanitizer has to see every translation unit of the process.
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${sanitizers})
endif()
