/* A large payload on its way to Paho. MQTTAsync_send() copies what it is given (MQTTAsync.c:1365) into a command behind all others; here the command
 * gets the block itself. */
#include "link.h"

extern List* MQTTAsync_commands;      /* MQTTAsync.c */

void mqn_port_give_payload(void* payload, uint32_t length) {
  MQTTAsync_queuedCommand* command = MQTTAsync_commands->last->content;
  mqn_memory_free(command->command.details.pub.payload);
  command->command.details.pub.payload = payload;
  command->command.details.pub.payloadlen = (int)length;
}
