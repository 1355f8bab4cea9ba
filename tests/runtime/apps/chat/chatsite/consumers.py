"""A chat room over a channel layer, with a few messages that let a test look inside."""

import asyncio
import os

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from chatsite.origin import describe_origin


class RoomConsumer(AsyncJsonWebsocketConsumer):
    groups = ("room",)

    async def receive_json(self, content):
        if "say" in content:
            await self.channel_layer.group_send("room", {"type": "said", "text": content["say"]})
        elif "kick" in content:
            await self.channel_layer.group_send("room", {"type": "kicked", "code": content["kick"]})
        elif "work" in content:
            await self.send_json({"started": True})
            await asyncio.sleep(content["work"])
            await self.send_json({"finished": True})
        elif content.get("ask") == "origin":
            await self.send_json(describe_origin(self.scope))
        else:
            await self.send_json({"pid": os.getpid()})

    async def said(self, event):
        await self.send_json({"said": event["text"]})

    async def kicked(self, event):
        await self.close(event["code"])

    async def disconnect(self, code):
        if "stubborn" in self.scope["query_string"].decode():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await asyncio.sleep(3600)
