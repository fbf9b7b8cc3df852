# The prebuilt addon of this target, see zig.cmake.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
# zig crashes when it links a bundle; Node.js loads a library as well.
set(MQN_ADDON_KIND SHARED)
# Else its name would be the path that it is written to.
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,-install_name,mqtt_native.node")
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
