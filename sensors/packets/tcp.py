"""TCP as an observer sees it: both endpoints' states, sequence spaces and the history of what happened.

In:  segments in capture order. Out: Zeek's endpoint states (`conn_state` is derived from them in `state`), history
letters, payload sizes from sequence numbers, in-order data to the flow's sink, and whether timers must be set.
Letters, capital for the originator: S syn, H syn+ack, A pure ack, D data, F fin, R reset, C bad checksum,
T retransmission, W zero window, G gap, I fin+rst, Q several flags, ^ roles turned. C T W G come at the 1st, 10th,
100th … time, the others once.
Sequence numbers are unwrapped: an endpoint's numbers are integers that only their low 32 bits meet the wire with.
Source: RFC 9293; semantics of https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensors.packets.stream import Budget, Stream

if TYPE_CHECKING:
    from sensors.packets.flow import Flow

FIN, SYN, RST, PUSH, ACK, URG = 1, 2, 4, 8, 16, 32
INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET = range(7)
_HANDSHAKE = (INACTIVE, SYN_SENT, SYN_ACK_SENT)
_TOO_FAR = 1 << 20  # a SYN or RST whose number is further off is not believed
_S = 1_000_000_000
ATTEMPT_NS, CLOSE_DELAY_NS, LINGER_NS, SESSION_NS = 5 * _S, 5 * _S, 5 * _S, 6 * _S
IDLE_BEFORE_NS, IDLE_NS = 60 * _S, 300 * _S  # before and after the handshake


def near(number: int, reference: int) -> int:
    """The unwrapped number closest to `reference` whose low 32 bits are `number`."""
    delta = (number - reference) & 0xFFFFFFFF
    return reference + (delta if delta < 0x80000000 else delta - 0x100000000)


class Endpoint:
    __slots__ = ("ack", "closed", "counts", "fin", "fins", "last", "last_fin", "last_rst", "last_syn",
                 "previous", "start", "state", "stream")  # fmt: skip

    def __init__(self, budget: Budget) -> None:
        self.state = self.previous = INACTIVE
        self.start = self.last = self.ack = 0
        self.fins = self.fin = 0
        self.last_syn = self.last_fin = self.last_rst = 0
        self.closed = False
        self.counts: dict[str, int] = {}
        self.stream = Stream(budget)

    def begin(self, number: int) -> None:
        self.start = self.ack = self.last = number

    def size(self, peer: Endpoint) -> int:
        """Payload bytes by sequence numbers, lost and retransmitted ones counted once."""
        if self.previous == SYN_SENT and self.state == RESET and peer.state == INACTIVE and self.ack != self.start:
            return 0  # a half-open connection found and aborted: the numbers belong to another life
        size = max(self.last, self.ack) - self.start
        size -= size != 0
        size -= self.fins > 0 and size != 0
        return max(0, size)


class Tcp:
    __slots__ = ("_deferred", "_flow", "_seen", "active", "attempt_ns", "delete_ns", "expire_ns", "idle_ns",
                 "originator", "partial", "responder")  # fmt: skip

    def __init__(self, flow: Flow, now_ns: int, budget: Budget) -> None:
        self._flow = flow
        self.originator, self.responder = Endpoint(budget), Endpoint(budget)
        self.partial = False
        self.active = True
        self.idle_ns = IDLE_BEFORE_NS
        self.attempt_ns = self.delete_ns = 0
        self.expire_ns = now_ns + ATTEMPT_NS
        self._seen = [False, False]
        self._deferred = False

    # -- one segment ---------------------------------------------------------------------------------------------------

    def segment(self, forward: bool, seq: int, ack: int, flags: int, window: int, length: int, data: bytes | None,
                now_ns: int) -> None:  # fmt: skip
        """`length` payload bytes on the wire; `data` None when not all of them were captured."""
        me, peer = (self.originator, self.responder) if forward else (self.responder, self.originator)
        syn, fin, rst = flags & SYN, flags & FIN, flags & RST
        self._note_partial(forward, flags)
        span = (0 if rst else length) + (syn != 0) + (fin != 0)
        self._init(me, seq, span, flags)
        at = near(seq, me.last)
        relative = at - me.start
        underflow = relative < 0
        self._history(me, flags, relative, length)
        if window == 0 and not rst and peer.state != CLOSED and me.state != RESET:
            self._scaled(me, "W")
        if not (self.originator.closed and self.responder.closed):
            self._flow.last_ns = now_ns
        if fin:
            me.fins += 1
            me.fin = relative + span
        acked = 0
        if flags & ACK:
            if peer.state == INACTIVE:
                acked = 1
                peer.begin((ack - 1) & 0xFFFFFFFF | 1 << 32)
            else:
                ack_at = near(ack, peer.ack)
                acked = max(0, ack_at - peer.start)
                ahead = ack_at - peer.ack
                if acked and not rst and ahead > 0 and not (ack == 0 and ahead > _TOO_FAR):
                    peer.ack = ack_at
        self._advance(me, near(seq + span & 0xFFFFFFFF, me.last), flags, length)
        close = self._move(me, peer, forward, seq, length, flags, now_ns)
        if flags & ACK:
            if peer.fins and acked >= peer.fin:
                acked = peer.fin - 1
            # A flip inside _move keeps the objects, so `peer` still is who sent what was acknowledged.
            lost = peer.stream.acknowledged(acked, self.partial, self._flow, peer is self.originator)
            if lost:
                self._lost(peer, me, lost)
        self._seen[me is not self.originator] = True
        if length > 0 and data is not None and not rst and not underflow:
            start = relative + 1 if syn else relative
            lost = me.stream.add(start, length, data, me.ack - me.start, self._flow, me is self.originator)
            if lost:
                self._lost(me, peer, lost)
        if close:
            self._close(me, peer)
        if self._deferred:
            self._deferred = False
            self._close(me, peer)
            self._close(peer, me)

    def bad_checksum(self, forward: bool) -> None:
        self._scaled(self.originator if forward else self.responder, "C")

    def _note_partial(self, forward: bool, flags: int) -> None:
        if forward:
            if not self._seen[0]:
                self.partial = not flags & SYN or bool(flags & ACK)
        elif not self._seen[1] and not self.partial:
            self.partial = not flags & SYN

    def _init(self, me: Endpoint, seq: int, span: int, flags: int) -> None:
        number = seq | 1 << 32  # room below for numbers before the first one seen
        if me.state == INACTIVE:
            if flags & SYN:
                me.begin(number)
                me.last = number + span
            else:
                me.begin(number - 1)
                me.last = number
        elif flags & SYN and (
            (me.state in (SYN_SENT, SYN_ACK_SENT) and (seq ^ me.start) & 0xFFFFFFFF)
            or me.state in (ESTABLISHED, PARTIAL)
            or (me.state == RESET and me.previous == INACTIVE)
        ):
            me.begin(number)
            me.last = number + span

    def _history(self, me: Endpoint, flags: int, relative: int, length: int) -> None:
        kind = flags & (SYN | FIN | RST)
        if not kind:
            if length:
                self._once(me, "D")
            elif flags & ACK:
                self._once(me, "A")
        elif kind == SYN:
            letter = "H" if flags & ACK else "S"
            if self._once(me, letter, "S") and relative != me.last_syn:
                self._flow.history.append(self._case(me, letter))
            me.last_syn = relative
        elif kind == FIN:
            if self._once(me, "F") and relative + length != me.last_fin:
                self._flow.history.append(self._case(me, "F"))
            me.last_fin = relative + length
        elif kind == RST:
            if self._once(me, "R") and relative != me.last_rst:
                self._flow.history.append(self._case(me, "R"))
            me.last_rst = relative
        else:
            self._once(me, "I" if flags & FIN and flags & RST else "Q")

    def _case(self, me: Endpoint, letter: str) -> str:
        return letter if me is self.originator else letter.lower()

    def _once(self, me: Endpoint, letter: str, group: str = "") -> bool:
        """Note `letter` unless its group was noted before; returns whether it was."""
        group = group or letter
        if group in me.counts:
            return True
        me.counts[group] = 1
        self._flow.history.append(self._case(me, letter))
        return False

    def _scaled(self, me: Endpoint, letter: str) -> None:
        count = me.counts[letter] = me.counts.get(letter, 0) + 1
        if is_power_of_ten(count):
            self._flow.history.append(self._case(me, letter))

    def _advance(self, me: Endpoint, end: int, flags: int, length: int) -> None:
        delta = end - me.last
        if flags & (SYN | RST) and abs(delta) > _TOO_FAR:
            pass
        elif flags & FIN and me.last == me.start + 1:
            me.last = end
        elif me.state == RESET:
            pass
        elif delta > 0:
            me.last = end
        elif length > 0:
            self._scaled(me, "T")

    def _lost(self, me: Endpoint, peer: Endpoint, length: int) -> None:
        """Gaps count only where both sides were or are cleanly established: elsewhere numbers mislead."""
        for side in (me, peer):
            if side.state != ESTABLISHED and not (side.state == CLOSED and side.previous == ESTABLISHED):
                return
        self._flow.missed += length
        self._scaled(me, "G")

    # -- states --------------------------------------------------------------------------------------------------------

    def _set(self, me: Endpoint, peer: Endpoint, state: int) -> None:
        if state != me.state:
            if state not in _HANDSHAKE and me.state in _HANDSHAKE and peer.state in _HANDSHAKE:
                self.idle_ns = IDLE_NS
            me.previous, me.state = me.state, state

    def _move(
        self, me: Endpoint, peer: Endpoint, forward: bool, seq: int, length: int, flags: int, now_ns: int
    ) -> bool:
        """The state machine; returns whether this side is done."""
        syn, fin, rst, ack = flags & SYN, flags & FIN, flags & RST, flags & ACK
        state = me.state
        if state == INACTIVE:
            return self._from_inactive(me, peer, forward, seq, length, flags, now_ns)
        if state in (SYN_SENT, SYN_ACK_SENT):
            if fin:
                self._set(me, peer, CLOSED)
            if rst:
                self._set(me, peer, RESET)
                self.active = False
            return bool(fin or rst)
        if state in (ESTABLISHED, PARTIAL):
            if syn and state == PARTIAL and peer.state == INACTIVE and not ack:
                self._set(me, peer, SYN_SENT)
            if fin and not rst:
                self._set(me, peer, CLOSED)
                if peer.state == RESET and peer.previous == CLOSED:
                    self._set(peer, me, CLOSED)
            if rst:
                self._set(me, peer, RESET)
                if peer.state != RESET or peer.previous != ESTABLISHED:
                    self.active = False
            return bool(fin or rst)
        if state == CLOSED and rst and peer.state != CLOSED:
            self._set(me, peer, RESET)
            return not me.closed
        return False

    def _from_inactive(self, me: Endpoint, peer: Endpoint, forward: bool, seq: int, length: int, flags: int,
                       now_ns: int) -> bool:  # fmt: skip
        close = False
        if flags & SYN:
            if forward:
                self._set(me, peer, SYN_ACK_SENT if flags & ACK else SYN_SENT)
                self.attempt_ns = now_ns + ATTEMPT_NS
                self._flow.wake(self.attempt_ns)
            else:
                if not flags & ACK and peer.state == SYN_ACK_SENT and not (seq ^ me.start) & 0xFFFFFFFF:
                    self._turn()  # SYN and SYN-ACK came in the wrong order
                    self._set(peer, me, ESTABLISHED)
                if peer.state == SYN_SENT:
                    self._set(peer, me, ESTABLISHED)
                self._set(me, peer, ESTABLISHED)
        if flags & FIN:
            self._set(me, peer, CLOSED)
            close = True
        if flags & RST:
            self._set(me, peer, RESET)
            close = True
        if me.state == INACTIVE:
            if not forward and length == 0 and self.originator.state == SYN_SENT:
                pass  # some stacks acknowledge a SYN before they answer it
            elif flags & ACK and peer.state == ESTABLISHED:
                self._set(me, peer, ESTABLISHED)  # we missed the SYN only
                self.partial = False
                self._seen[not forward] = True
            else:
                self._set(me, peer, PARTIAL)
        return close

    def _turn(self) -> None:
        self.originator, self.responder = self.responder, self.originator
        self._seen = [self._seen[1], self._seen[0]]
        self.partial = False
        self._flow.turn()

    def _close(self, me: Endpoint, peer: Endpoint) -> None:
        if me.closed or me.state not in (CLOSED, RESET):
            return
        if me.fins and me.state != RESET and me.stream.next < me.fin - 1:
            self._deferred = True  # data before the FIN is still to come
            return
        me.closed = True
        if me.state == RESET or peer.closed or peer.state == INACTIVE:
            self.active = False
            self.attempt_ns = self.expire_ns = 0
            self.delete_ns = self._flow.last_ns + CLOSE_DELAY_NS
            self._flow.wake(self.delete_ns)
        elif me.previous != INACTIVE:
            self.expire_ns = self._flow.last_ns + SESSION_NS
            self._flow.wake(self.expire_ns)

    # -- the flow table asks -------------------------------------------------------------------------------------------

    def reused(self, seq: int, flags: int) -> bool:
        """Whether a segment starts a new connection on the same ports."""
        if not flags & SYN:
            return False
        first = self.originator
        if flags & ACK:
            if first.state != INACTIVE:
                return False
            first = self.responder
        if not (self.originator.closed or self.responder.closed):
            if not (seq ^ first.start) & 0xFFFFFFFF:
                return False
            if (not flags & ACK and first.state == SYN_ACK_SENT and self.responder.state == INACTIVE
                    and not (seq ^ self.responder.start) & 0xFFFFFFFF):  # fmt: skip
                return False
        return True

    def over(self, now_ns: int) -> bool:
        """Called when a timer of this flow may have come; whether to forget the flow."""
        me, peer = self.originator, self.responder
        if self.delete_ns and self.delete_ns <= now_ns:
            return True
        if self.attempt_ns and self.attempt_ns <= now_ns:
            self.attempt_ns = 0
            if self.active and me.state in (SYN_SENT, SYN_ACK_SENT) and peer.state == INACTIVE:
                return True
        if self.expire_ns and self.expire_ns <= now_ns:
            if self.active and self._flow.last_ns + LINGER_NS < now_ns:
                if (me.closed or peer.closed) and (
                    (me.closed and peer.closed) or RESET in (me.state, peer.state) or INACTIVE in (me.state, peer.state)
                ):
                    return True
                if me.state == peer.state == INACTIVE:
                    return True
            self.expire_ns = now_ns + SESSION_NS if self.active else 0
        return self._flow.last_ns + self.idle_ns <= now_ns

    def due_ns(self) -> int:
        times = [at for at in (self.delete_ns, self.attempt_ns, self.expire_ns) if at]
        return min([*times, self._flow.last_ns + self.idle_ns])

    def finish(self) -> None:
        self.originator.stream.finish(self._flow, True)
        self.responder.stream.finish(self._flow, False)

    def state(self) -> str:
        """Zeek's `conn_state`."""
        me, peer = self.originator, self.responder
        quiet, peer_quiet = me.state in (INACTIVE, PARTIAL), peer.state in (INACTIVE, PARTIAL)
        if peer.state == RESET:
            nothing = me.state == RESET and not me.size(peer) and not peer.size(me)
            if me.state in (SYN_SENT, SYN_ACK_SENT) or nothing:
                return "REJ"
            return "RSTRH" if quiet else "RSTR"
        if me.state == RESET:
            return "RSTOS0" if peer_quiet else "RSTO"
        if me.state == CLOSED:
            return "SF" if peer.state == CLOSED else "SH" if peer_quiet else "S2"
        if peer.state == CLOSED:
            return "SHR" if quiet else "S3"
        if me.state == SYN_SENT and peer.state == INACTIVE:
            return "S0"
        return "S1" if me.state == peer.state == ESTABLISHED else "OTH"


def is_power_of_ten(count: int) -> bool:
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count == 1
