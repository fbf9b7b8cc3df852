# Each test/native/<name>_test.c is a program of its own, linked with what it uses of test/native/support/, with the core, and with
# the headers of every room. It succeeds with exit code 0. assert() is on, whatever the build type.
#
# A test that needs longer than 60 s says so in a line: ctest-timeout: 120
set(tests_folder "${MQN_TOP}/test/native")
set(test_binaries "${CMAKE_BINARY_DIR}/test")
file(MAKE_DIRECTORY "${test_binaries}")

function(mqn_test_code target)
  mqn_our_code(${target})
  target_compile_options(${target} PRIVATE $<IF:$<BOOL:${MSVC}>,/UNDEBUG,-UNDEBUG>)
  target_compile_definitions(${target} PRIVATE "MQN_TEST_FOLDER=\"${MQN_TOP}/test\"" "MQN_VERSION=\"${MQN_VERSION}\"")
  target_include_directories(${target} PRIVATE "${tests_folder}" "${tests_folder}/support" core/src paho)
  target_link_libraries(${target} PRIVATE mqn_rooms mqn_uv mqn_paho_headers mqn_openssl)
endfunction()

file(GLOB support_sources CONFIGURE_DEPENDS "${tests_folder}/support/*.c")
if(support_sources)
  # an archive: a test takes only the parts that it uses
  add_library(mqn_test_support STATIC ${support_sources})
  mqn_test_code(mqn_test_support)
endif()

set(test_label native)
if(MQN_SANITIZE)
  set(test_label sanitizer)
endif()

add_custom_target(mqn_tests)
file(GLOB test_sources CONFIGURE_DEPENDS "${tests_folder}/*_test.c")
foreach(source ${test_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} "${source}")
  mqn_test_code(${name})
  if(TARGET mqn_test_support)
    target_link_libraries(${name} PRIVATE mqn_test_support)
  endif()
  target_link_libraries(${name} PRIVATE mqtt_native)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${test_binaries}")
  add_dependencies(mqn_tests ${name})

  set(timeout 60)
  file(STRINGS "${source}" timeout_line REGEX "ctest-timeout: [0-9]+" LIMIT_COUNT 1)
  if(timeout_line)
    string(REGEX REPLACE ".*ctest-timeout: ([0-9]+).*" "\\1" timeout "${timeout_line}")
  endif()
  if(MQN_SANITIZE)
    math(EXPR timeout "${timeout} * 3")
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${test_binaries}")
  set_tests_properties(${name} PROPERTIES LABELS ${test_label} TIMEOUT ${timeout}
    ENVIRONMENT "ASAN_OPTIONS=abort_on_error=0:detect_leaks=1;UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")
endforeach()

# The libraries show what they should and nothing else.
function(mqn_test_exports name target)
  if(TARGET ${target} AND CMAKE_NM AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    add_test(NAME ${name} COMMAND "${CMAKE_COMMAND}" "-DNM=${CMAKE_NM}" "-DLIBRARY=$<TARGET_FILE:${target}>"
             "-DOPENSSL=${openssl_root}" ${ARGN}
             -P "${CMAKE_CURRENT_SOURCE_DIR}/cmake/check-exports.cmake")
    set_tests_properties(${name} PROPERTIES LABELS ${test_label} TIMEOUT 60)
    add_dependencies(mqn_tests ${target})
  endif()
endfunction()
mqn_test_exports(shared_exports_test mqtt_native_shared "-DHEADER=${CMAKE_CURRENT_SOURCE_DIR}/core/include/mqtt_native.h")
mqn_test_exports(addon_exports_test mqtt_native_node "-DNAMES=napi_register_module_v1,node_api_module_get_api_version_v1")
