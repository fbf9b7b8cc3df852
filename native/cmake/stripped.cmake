# mqtt_native_stripped: the addon linked once more without symbols, <build>/stripped/mqtt_native.node. For Windows, where the linker puts
# the symbols into a file whose checksum stands in the addon: it holds paths of this machine, so that the addon's bytes would depend on them.
add_library(mqtt_native_stripped MODULE $<TARGET_OBJECTS:mqtt_native_node>)
set_target_properties(mqtt_native_stripped PROPERTIES OUTPUT_NAME mqtt_native PREFIX "" SUFFIX .node LINKER_LANGUAGE CXX
                      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/stripped")
target_link_libraries(mqtt_native_stripped PRIVATE mqtt_native)
target_link_options(mqtt_native_stripped PRIVATE -s)
mqn_export_only(mqtt_native_stripped cmake/addon.map)
