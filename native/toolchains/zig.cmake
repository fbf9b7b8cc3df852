# What the toolchains of the prebuilds share: zig compiles, links and archives. scripts/prebuild.mjs puts the pinned zig on PATH and gives
# MQN_ZIG_TARGET, zig's name of the target, which stands in scripts/targets.mjs and nowhere else. Included by <target>.cmake, which says
# for which system and processor.
if(NOT MQN_ZIG_TARGET)
  message(FATAL_ERROR "MQN_ZIG_TARGET is not given: \"npm run prebuild -- --target NAME\" uses these files")
endif()
find_program(MQN_ZIG zig REQUIRED NO_CMAKE_FIND_ROOT_PATH)
cmake_path(GET MQN_ZIG PARENT_PATH zig_folder)
# CMake's compiler checks are projects of their own, which read this file again.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MQN_ZIG_TARGET)

set(CMAKE_C_COMPILER "${MQN_ZIG}" cc -target ${MQN_ZIG_TARGET})
set(CMAKE_CXX_COMPILER "${MQN_ZIG}" c++ -target ${MQN_ZIG_TARGET})
foreach(language C CXX)
  # D: no dates, no user in an archive
  set(CMAKE_${language}_ARCHIVE_CREATE "\"${MQN_ZIG}\" ar qcsD <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "\"${MQN_ZIG}\" ar qsD <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "")
endforeach()

# zig turns the sanitizer of undefined behaviour on unless told otherwise.
add_compile_options(-fno-sanitize=undefined "-ffile-prefix-map=${zig_folder}=zig")

# Nothing of this machine is looked for.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # A build id would be a checksum over the debug information too, and with it of things that the stripped file does not hold.
  string(APPEND CMAKE_MODULE_LINKER_FLAGS_INIT " -Wl,--build-id=none -Wl,-z,noexecstack")
endif()
