# mqn_openssl: libssl and libcrypto, static. From MQN_OPENSSL_ROOT when it is given, else from scripts/build-openssl.mjs, which builds
# them for this compiler once and keeps them outside the checkout.
set(openssl_root "${MQN_OPENSSL_ROOT}")
if(NOT openssl_root)
  find_program(MQN_NODE node REQUIRED)
  # A toolchain may give the compiler as a list (zig;cc;-target;...): CMake then keeps the rest here.
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env "CC=${CMAKE_C_COMPILER}${CMAKE_C_COMPILER_ARG1}"
            "${MQN_NODE}" "${MQN_TOP}/scripts/build-openssl.mjs" --source "${MQN_OPENSSL_SOURCE_DIR}"
    OUTPUT_VARIABLE openssl_root OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "OpenSSL was not built, see above")
  endif()
endif()
foreach(file include/openssl/ssl.h libssl.a libcrypto.a)
  if(NOT EXISTS "${openssl_root}/${file}")
    message(FATAL_ERROR "MQN_OPENSSL_ROOT: no ${file} in ${openssl_root}")
  endif()
endforeach()
message(STATUS "OpenSSL: ${openssl_root}")

add_library(mqn_openssl INTERFACE)
target_include_directories(mqn_openssl SYSTEM INTERFACE "${openssl_root}/include")
if(NOT MSVC)
  target_compile_options(mqn_openssl INTERFACE "-ffile-prefix-map=${openssl_root}=openssl")
endif()
target_link_libraries(mqn_openssl INTERFACE "${openssl_root}/libssl.a" "${openssl_root}/libcrypto.a" Threads::Threads ${CMAKE_DL_LIBS})
if(WIN32)
  target_link_libraries(mqn_openssl INTERFACE ws2_32 crypt32 bcrypt advapi32)
endif()
