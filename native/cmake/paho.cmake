# paho_engine: Paho's protocol engine, byte for byte as released, without its platform files (native/paho/ implements their
# headers), and mqn_paho_headers, through which paho/ and core/ see its headers.
if(NOT EXISTS "${MQN_PAHO_DIR}/src/MQTTAsync.c")
  message(FATAL_ERROR "no Paho in ${MQN_PAHO_DIR}: run \"node native/sources/vendor.mjs\" or give -DMQN_PAHO_DIR=")
endif()

foreach(part major minor patch)
  file(READ "${MQN_PAHO_DIR}/version.${part}" paho_${part})
  string(STRIP "${paho_${part}}" paho_${part})
endforeach()
set(MQN_PAHO_VERSION "${paho_major}.${paho_minor}.${paho_patch}")

# Paho's own CMake makes this header; with a fixed time stamp, so that two builds are the same.
set(paho_generated "${CMAKE_CURRENT_BINARY_DIR}/paho")
file(CONFIGURE OUTPUT "${paho_generated}/VersionInfo.h" @ONLY CONTENT [[
#ifndef VERSIONINFO_H
#define VERSIONINFO_H
#define BUILD_TIMESTAMP "-"
#define CLIENT_VERSION "@MQN_PAHO_VERSION@"
#endif
]])

add_library(mqn_paho_headers INTERFACE)
target_include_directories(mqn_paho_headers SYSTEM INTERFACE "${MQN_PAHO_DIR}/src" "${paho_generated}")
target_compile_definitions(mqn_paho_headers INTERFACE HIGH_PERFORMANCE=1 PAHO_MQTT_STATIC=1)

set(paho_sources MQTTAsync MQTTAsyncUtils MQTTProtocolClient MQTTProtocolOut MQTTPacket MQTTPacketOut MQTTPersistence Clients LinkedList
    Messages MQTTProperties MQTTReasonCodes utf-8)
list(TRANSFORM paho_sources PREPEND "${MQN_PAHO_DIR}/src/")
list(TRANSFORM paho_sources APPEND ".c")
add_library(paho_engine OBJECT ${paho_sources})
mqn_third_party(paho_engine)
target_link_libraries(paho_engine PRIVATE mqn_paho_headers)
if(WIN32 AND NOT MSVC)
  # MQTTAsync.c passes DWORD* for int*, which clang refuses
  target_compile_options(paho_engine PRIVATE -Wno-error=incompatible-pointer-types -Wno-error=int-conversion)
endif()

# The seams: a header forced in front of a file, which renames some of its calls. Those of one file include seams_memory.h, which is for all.
function(mqn_seam file header)
  set(header "${CMAKE_CURRENT_SOURCE_DIR}/paho/${header}")
  set(source "${MQN_PAHO_DIR}/src/${file}")
  if(MSVC OR CMAKE_C_COMPILER_FRONTEND_VARIANT STREQUAL "MSVC")
    set(flags "/FI${header}")
  else()
    set(flags -include "${header}")
  endif()
  set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "${flags}" OBJECT_DEPENDS "${header};${CMAKE_CURRENT_SOURCE_DIR}/paho/seams_memory.h")
endfunction()
foreach(source ${paho_sources})
  cmake_path(GET source FILENAME file)
  mqn_seam(${file} seams_memory.h)
endforeach()
mqn_seam(MQTTAsync.c seams_async.h)
mqn_seam(MQTTAsyncUtils.c seams_async_utils.h)
mqn_seam(MQTTProtocolClient.c seams_protocol_client.h)
