//! WebSocket, the side of the client.
