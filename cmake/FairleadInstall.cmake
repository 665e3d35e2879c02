# Installs the library, its headers, the CMake package and fairlead.pc.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fairlead)

install(TARGETS fairlead EXPORT fairleadTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/fairlead DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(EXPORT fairleadTargets NAMESPACE fairlead:: DESTINATION ${package_dir})
configure_package_config_file(cmake/fairleadConfig.cmake.in ${PROJECT_BINARY_DIR}/fairleadConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fairleadConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fairleadConfig.cmake ${PROJECT_BINARY_DIR}/fairleadConfigVersion.cmake
              cmake/FairleadDependencies.cmake DESTINATION ${package_dir})

set(pc_requires "spdlog yaml-cpp")
if(FAIRLEAD_WITH_KAFKA)
  string(APPEND pc_requires " rdkafka")
endif()
if(FAIRLEAD_WITH_AMQP)
  string(APPEND pc_requires " librabbitmq openssl")
endif()
if(FAIRLEAD_WITH_SQLITE)
  string(APPEND pc_requires " sqlite3")
endif()
if(FAIRLEAD_WITH_REDIS)
  string(APPEND pc_requires " hiredis")
endif()
configure_file(cmake/fairlead.pc.in ${PROJECT_BINARY_DIR}/fairlead.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fairlead.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET fairlead_cli)
  install(TARGETS fairlead_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
