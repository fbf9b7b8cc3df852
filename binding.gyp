{
  # For people who use node-gyp (`node-gyp rebuild`): the same CMake build, as an action. Nothing is compiled by gyp itself, and gyp does
  # not know the sources: after a change `npm run build:native` sees what to do.
  "targets": [
    {
      "target_name": "mqtt_native",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "message": "building with CMake",
          "inputs": [],
          "outputs": ["<(PRODUCT_DIR)/mqtt_native.node"],
          "action": ["node", "scripts/setup.mjs", "gyp"]
        }
      ]
    }
  ]
}
